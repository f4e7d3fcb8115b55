"""The towers: a body that reads texts and one that sees images, each with a pooled state.

A plugin derives from both, builds what its architecture has beside the layers, and says in `pool`
what stands for a whole text or image. `CausalTextTower` and `ClassTokenTower` are those of CLIP.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.families.clip.configuration import TowerConfig
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.images.patches import (
    PatchEmbedding,
    edges,
    patch_grid,
    resampled_positions,
)
from automodel_core.layers.kernels.linear import embedding
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.masks import decoder_mask
from automodel_core.layers.stack import StackOutput, TransformerStack, repeated
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.inputs import TextInputs
from automodel_core.modeling.bodies.text import TextBody
from automodel_core.modeling.calls import ForwardOptions, model_call, wanted_states
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "CausalTextTower",
    "ClassTokenTower",
    "ImageEmbeddings",
    "ImageTower",
    "TextTower",
    "tower_layer",
]


def tower_layer(config: TowerConfig) -> TransformerLayer:
    """Return one layer of either tower, which normalises what enters each part."""
    size = config.hidden_size
    return TransformerLayer(
        Attention(equal_heads(size, config.num_attention_heads), dropout=config.attention_dropout),
        FeedForward(size, config.intermediate_size, activation=config.hidden_act),
        partial(layer_norm, size, eps=config.layer_norm_eps),
        norm_first=True,
    )


def tower_stack(config: TowerConfig) -> TransformerStack:
    return TransformerStack(repeated(partial(tower_layer, config), config.num_hidden_layers))


class TextTower(TextBody):
    """Tokens and positions, layers, and a norm; ``hidden_states`` are those before it."""

    base_model_prefix = "text_model"
    config: Any
    embed_positions: nn.Embedding

    def __init__(self, config: Any) -> None:
        super().__init__(config, decoder=False)
        self.embed_tokens = embedding(config.vocab_size, config.hidden_size)
        self.embed_positions = embedding(config.max_position_embeddings, config.hidden_size)
        self.stack = tower_stack(config)
        self.norm = layer_norm(config.hidden_size, eps=config.layer_norm_eps)

    def run(self, inputs: TextInputs, **options: Unpack[ForwardOptions]) -> StackOutput:
        output = super().run(inputs, **options)
        return replace(output, last_hidden_state=self.norm(output.last_hidden_state))


class CausalTextTower(TextTower):
    """A tower whose tokens see those before them; the end of a text stands for it."""

    def mask(self, inputs: TextInputs, states: Tensor) -> Mask:
        return decoder_mask(inputs.attention_mask, inputs.span, states)

    def ends(self, input_ids: Tensor) -> Tensor:
        """Return the place ``(batch,)`` where each text ends: that of its largest id."""
        return input_ids.argmax(dim=-1)

    def pool(self, states: Tensor, inputs: TextInputs) -> Tensor | None:
        """Return each text's state at its end; embeddings do not show where that is."""
        if inputs.input_ids is None:
            return None
        rows = torch.arange(states.shape[0], device=states.device)
        return states[rows, self.ends(inputs.input_ids.to(states.device))]


class ImageEmbeddings(nn.Module):
    """The patches of an image, behind a learned token if there is one, each with its position."""

    class_token: nn.Parameter | None

    def __init__(
        self,
        image_size: int | list[int],
        patches: PatchEmbedding,
        class_token: nn.Parameter | None = None,
    ) -> None:
        super().__init__()
        projection = patches.projection
        self.image_size = edges(image_size)
        self.patch_size = edges(projection.kernel_size)
        self.grid = patch_grid(self.image_size, self.patch_size)
        self.leading = 0 if class_token is None else 1
        self.patches = patches
        self.class_token = class_token
        count = self.leading + self.grid[0] * self.grid[1]
        self.positions = embedding(count, projection.out_channels)

    def forward(self, pixel_values: Tensor, interpolate: bool) -> Tensor:
        """Return ``(batch, tokens, hidden_size)``; raise `InputError` for another size of images.

        Positions fit other sizes if ``interpolate`` says so.
        """
        embedded = self.patches(pixel_values)
        height, width = pixel_values.shape[-2:]
        if not interpolate and (height, width) != self.image_size:
            raise InputError(
                f"images are {height} x {width}, and the model's image_size is "
                f"{self.image_size[0]} x {self.image_size[1]}: resize them, or pass "
                "interpolate_pos_encoding=True"
            )
        if self.class_token is not None:
            token = self.class_token.expand(embedded.shape[0], 1, -1)
            embedded = torch.cat([token, embedded], dim=1)
        new = patch_grid((height, width), self.patch_size)
        positions = resampled_positions(self.positions.weight[None], self.leading, self.grid, new)
        placed: Tensor = embedded + positions
        return placed


class ImageTower(PreTrainedModel):
    """Patches, and layers; ``embed_norm`` normalises what enters the first of them."""

    base_model_prefix = "vision_model"
    main_input_name = "pixel_values"
    input_embeddings = "embed.patches"
    config: Any
    embed: ImageEmbeddings
    embed_norm: nn.Module

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.stack = tower_stack(config)
        self.norm = layer_norm(config.hidden_size, eps=config.layer_norm_eps)

    @abstractmethod
    def pool(self, states: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the states that the tower shows, and what stands for each whole image."""

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` through the layers.

        The hidden states are those before the last norm.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        embedded = self.embed_norm(self.embed(pixel_values, bool(interpolate_pos_encoding)))
        output = self.stack(embedded, **wanted_states(options))
        states, pooled = self.pool(output.last_hidden_state)
        return BaseModelOutput(
            last_hidden_state=states,
            pooler_output=pooled,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


class ClassTokenTower(ImageTower):
    """A tower with a learned token before the patches; its state, normalised, stands for them."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        size = config.hidden_size
        patches = PatchEmbedding(config.num_channels, size, config.patch_size, bias=False)
        self.embed = ImageEmbeddings(config.image_size, patches, nn.Parameter(torch.zeros(size)))
        self.embed_norm = layer_norm(size, eps=config.layer_norm_eps)

    def pool(self, states: Tensor) -> tuple[Tensor, Tensor]:
        return states, self.norm(states[:, 0])
