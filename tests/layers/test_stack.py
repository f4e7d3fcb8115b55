"""A stack hands each layer what is its own, in whole passes and step by step."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, equal_heads, grouped_heads
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.key_view import CAUSAL
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.norms import RMSNorm
from automodel_core.layers.masks import additive, causal_mask
from automodel_core.layers.parts import LayerInputs
from automodel_core.layers.positions.rotary import RotaryEmbedding, Rotation
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from layers.test_transformer import drawn, states

SIZE, LENGTH = 12, 6


def layer(mlp: Any = None, norm_first: bool = True) -> TransformerLayer:
    attention = Attention(grouped_heads(SIZE, 3, 1))
    return TransformerLayer(attention, mlp, partial(RMSNorm, SIZE), norm_first=norm_first)


def rotation(theta: float, first: int, length: int) -> Rotation:
    return RotaryEmbedding(4, theta)(torch.arange(first, first + length)[None], torch.float32)


def window_mask(window: int) -> Tensor:
    distance = torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)
    return additive((distance >= 0) & (distance < window), torch.float32)[None, None]


@torch.no_grad()
def test_each_layer_may_have_a_mask_and_a_rotation_of_its_own() -> None:
    stack = drawn(TransformerStack([layer(), layer(), layer()]))
    inputs, local = states(2, LENGTH, SIZE), window_mask(2)
    masks, thetas = [CAUSAL, local, local], [10.0, 100.0, 10.0]
    rotations = [rotation(theta, 0, LENGTH) for theta in thetas]
    expected = inputs
    for each, mask, turned in zip(stack.layers, masks, rotations, strict=True):
        expected, _ = each(expected, LayerInputs(mask, turned))
    found = stack(inputs, masks, rotation=rotations).last_hidden_state
    torch.testing.assert_close(found, expected)
    for cache in (Cache(), Cache(decoding=True)):
        for index in range(LENGTH):
            seen = local[:, :, index : index + 1, : index + 1]
            found = stack(
                inputs[:, index : index + 1],
                [None, seen, seen],
                rotation=[rotation(theta, index, 1) for theta in thetas],
                cache=cache,
            ).last_hidden_state
            torch.testing.assert_close(found[:, 0], expected[:, index])


class NoStep(nn.Module):
    """A feed-forward part that says nothing of decoding."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(SIZE))

    def forward(self, hidden_states: Tensor) -> Tensor:
        assert hidden_states.dim() == 3
        return hidden_states.relu() * self.weight


class PlainSum(nn.Module):
    """Self-attention of somebody else's, that says nothing of decoding: the mean of the past."""

    def new_state(self, cache: Cache) -> LayerState:
        return cache.new_attention()

    def forward(
        self,
        hidden_states: Tensor,
        mask: Any = None,
        *,
        rotation: Any = None,
        cache: Any = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        states = hidden_states[:, None]
        if cache is not None:
            states, _ = cache.update(states, states)
        length = hidden_states.shape[1]
        sums = states.cumsum(2) / torch.arange(1, states.shape[2] + 1)[:, None]
        return sums[:, 0, -length:], None


class Doubled(TransformerLayer):
    """A layer that inherits its decode step, which is not its own."""

    def forward(self, *inputs: Any, **options: Any) -> Any:
        found, weights = super().forward(*inputs, **options)
        return 2 * found, weights


@torch.no_grad()
def test_parts_and_layers_without_a_step_of_their_own_decode_too() -> None:
    norm = partial(nn.LayerNorm, SIZE)
    stack = drawn(
        TransformerStack(
            [
                layer(),
                layer(NoStep(), norm_first=False),
                TransformerLayer(PlainSum(), FeedForward(SIZE, 20), norm, norm_first=False),
                Doubled(Attention(equal_heads(SIZE, 3)), None, norm, norm_first=True),
            ],
            norm(),
        )
    )
    inputs = states(2, LENGTH, SIZE)
    expected = stack(inputs, CAUSAL).last_hidden_state
    cache = Cache(decoding=True)
    found = [
        stack(inputs[:, index : index + 1], cache=cache).last_hidden_state
        for index in range(LENGTH)
    ]
    torch.testing.assert_close(torch.cat(found, dim=1), expected)
    assert cache.memo


def test_a_layer_may_have_no_feed_forward_part() -> None:
    made = drawn(layer())
    assert {name.split(".")[0] for name in made.state_dict()} == {"self_attn", "self_attn_norm"}
    inputs = states(2, LENGTH, SIZE)
    mask = causal_mask(None, LENGTH, LENGTH, torch.float32, inputs.device)
    attended, _ = made.self_attn(made.self_attn_norm(inputs), mask)
    torch.testing.assert_close(made(inputs, LayerInputs(mask))[0], inputs + attended)
