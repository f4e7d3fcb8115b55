"""The layers of Swin (https://arxiv.org/abs/2103.14030) and of its second version."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, Projections, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.images.cosine import ContinuousPositions, CosineAttention
from automodel_core.layers.images.windows import WindowPositions, Windows
from automodel_core.layers.kernels.linear import linear
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.stack import drop_path

__all__ = [
    "PostNormWindowLayer",
    "PreNormWindowLayer",
    "WindowLayer",
    "swin_layer",
    "swinv2_layer",
]


class WindowLayer(nn.Module):
    """Attention within windows, and a feed-forward part; a subclass says where the norms are.

    ``dropout`` is that of what attention and the feed-forward part add, ``drop_path`` how often
    they add nothing at all to an image.
    """

    def __init__(
        self,
        attention: Attention,
        mlp: FeedForward,
        norm: Callable[[], nn.Module],
        *,
        dropout: tuple[float, float] = (0.0, 0.0),
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_dropout, self.dropout = dropout
        self.p = drop_path
        self.self_attn, self.self_attn_norm = attention, norm()
        self.mlp, self.mlp_norm = mlp, norm()

    @abstractmethod
    def forward(
        self, states: Tensor, windows: Windows, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return states ``(batch, rows, columns, size)`` and, on request, the weights."""

    def attend(
        self, states: Tensor, windows: Windows, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return what attention adds to the states, and its weights."""
        attended, weights = self.self_attn(
            windows.cut(states), windows.mask, output_attentions=output_attentions
        )
        attended = F.dropout(attended, self.attention_dropout, self.training)
        return windows.put_back(attended), weights

    def feed(self, states: Tensor) -> Tensor:
        """Return what the feed-forward part adds to the states."""
        return F.dropout(self.mlp(states), self.dropout, self.training)


class PreNormWindowLayer(WindowLayer):
    """Norms are before the parts; paths are dropped around attention only."""

    def forward(
        self, states: Tensor, windows: Windows, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        normed = self.self_attn_norm(states)
        attended, weights = self.attend(normed, windows, output_attentions)
        states = states + drop_path(attended, self.p, self.training)
        return states + self.feed(self.mlp_norm(states)), weights


class PostNormWindowLayer(WindowLayer):
    """Norms are behind the parts, before what they add is added."""

    def forward(
        self, states: Tensor, windows: Windows, output_attentions: bool
    ) -> tuple[Tensor, Tensor | None]:
        attended, weights = self.attend(states, windows, output_attentions)
        states = states + drop_path(self.self_attn_norm(attended), self.p, self.training)
        fed = self.mlp_norm(self.feed(states))
        return states + drop_path(fed, self.p, self.training), weights


def swin_layer(
    config: Any, size: int, heads: int, drop_path: float, *, in_files: bool = False
) -> PreNormWindowLayer:
    """Return a layer of Swin; keys are those of its files.

    With ``in_files`` files hold the index of the table of positions too.
    """
    return PreNormWindowLayer(
        Attention(
            equal_heads(size, heads, bias=config.qkv_bias, out_bias=True),
            dropout=config.attention_probs_dropout_prob,
            position_scores=WindowPositions(config.window_size, heads, in_files=in_files),
        ),
        **_parts(config, size, drop_path),
    )


def swinv2_layer(
    config: Any, size: int, heads: int, drop_path: float, *, window: int, trained: int = 0
) -> PostNormWindowLayer:
    """Return a layer of Swin V2 (https://arxiv.org/abs/2111.09883), whose keys have no bias.

    Its offsets are measured in windows of ``trained`` patches, by default of ``window``.
    """
    inner = (size, size)
    return PostNormWindowLayer(
        CosineAttention(
            Projections(
                linear(*inner, bias=config.qkv_bias),
                linear(*inner, bias=False),
                linear(*inner, bias=config.qkv_bias),
                linear(*inner),
                heads,
                heads,
                size // heads,
            ),
            dropout=config.attention_probs_dropout_prob,
            position_scores=ContinuousPositions(window, heads, trained),
        ),
        **_parts(config, size, drop_path),
    )


def _parts(config: Any, size: int, drop_path: float) -> dict[str, Any]:
    """Return what the layers of both versions are made of."""
    wide = int(config.mlp_ratio * size)
    return {
        "mlp": FeedForward(size, wide, activation=config.hidden_act),
        "norm": partial(layer_norm, size, eps=config.layer_norm_eps),
        "dropout": (config.attention_probs_dropout_prob, config.hidden_dropout_prob),
        "drop_path": drop_path,
    }
