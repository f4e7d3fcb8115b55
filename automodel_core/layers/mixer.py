"""A layer whose positions meet without attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache, LayerCache
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.kernels.decode_steps import own_step, prepare_norm
from automodel_core.layers.parts import (
    FeedForwardPart,
    LayerInputs,
    LayerStep,
    Mixer,
    MixerStep,
    Weights,
)
from automodel_core.layers.transformer import feed_forward_step

__all__ = ["MixerLayer"]


class MixerLayer(nn.Module):
    """A mixer and a feed-forward part if any, each behind a norm and with its residual."""

    def __init__(
        self,
        mixer: Mixer,
        norm: Callable[[], nn.Module],
        mlp: FeedForwardPart | None = None,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self._new_state = mixer.new_state  # also where a wrapper takes the part's place
        self.mixer = mixer
        self.mixer_norm = norm()
        self.mlp = mlp
        self.mlp_norm = None if mlp is None else norm()
        self.dropout = dropout

    def new_state(self, cache: Cache) -> LayerState:
        return self._new_state(cache)

    def forward(
        self,
        hidden_states: Tensor,
        inputs: LayerInputs,
        *,
        cache: LayerCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights]:
        """Return the new states; there are no weights of attentions."""
        state = None if cache is None else cache.state
        mixed = self.mixer(self.mixer_norm(hidden_states), inputs.mask, cache=state)
        hidden_states = hidden_states + F.dropout(mixed, self.dropout, self.training)
        if self.mlp is not None and self.mlp_norm is not None:
            fed = self.mlp(self.mlp_norm(hidden_states))
            hidden_states = hidden_states + F.dropout(fed, self.dropout, self.training)
        return hidden_states, (None, None)

    def decode_step(self, rows: int) -> LayerStep:
        """Return the layer for one new token a row, on states ``(rows, hidden_size)``."""
        mix, mix_norm = mixer_step(self.mixer, rows), prepare_norm(self.mixer_norm)
        feed = None if self.mlp is None else feed_forward_step(self.mlp, rows)
        feed_norm = prepare_norm(self.mlp_norm or nn.Identity())

        def step(states: Tensor, inputs: LayerInputs, cache: LayerCache) -> Tensor:
            states = states + mix(mix_norm(states), inputs.mask, cache.state)
            return states if feed is None else states + feed(feed_norm(states))

        return step


def mixer_step(part: Mixer, rows: int) -> MixerStep:
    """Return a part's own decode step, or else its ``forward`` as one."""
    own: MixerStep | None = own_step(part, rows)
    if own is not None:
        return own

    def step(states: Tensor, mask: Mask, cache: Any) -> Tensor:
        mixed: Tensor = part(states[:, None], mask, cache=cache)
        return mixed[:, 0]

    return step
