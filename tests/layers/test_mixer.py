"""A mixer without attention is a layer's part like any other, in whole passes and step by step."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.key_view import CAUSAL
from automodel_core.layers.caches.names import DynamicCache, EncoderDecoderCache
from automodel_core.layers.caches.offloaded import OffloadedCache
from automodel_core.layers.caches.state import LayerState, RecurrentState
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.mixer import MixerLayer
from automodel_core.layers.parts import MixerStep
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from layers.test_transformer import drawn, states

SIZE, LENGTH = 12, 6
NORM = partial(nn.LayerNorm, SIZE)


class Fading(nn.Module):
    """The sum of all states so far, the older the fainter."""

    def __init__(self) -> None:
        super().__init__()
        self.fade = nn.Parameter(torch.ones(SIZE))

    def new_state(self, cache: Cache) -> LayerState:
        return RecurrentState()

    def forward(self, hidden_states: Tensor, mask: Any = None, *, cache: Any = None) -> Tensor:
        past = torch.zeros_like(hidden_states[:, 0])
        if cache is not None and cache.tensors is not None:
            past = cache.tensors[0]
        sums = []
        for new in hidden_states.unbind(1):
            past = self.fade.sigmoid() * past + new
            sums.append(past)
        if cache is not None:
            cache.update((past,), len(sums))
        return torch.stack(sums, dim=1)


class Stepping(Fading):
    """The same, with a decode step that counts its calls."""

    calls = 0

    def forward(self, hidden_states: Tensor, mask: Any = None, *, cache: Any = None) -> Tensor:
        return super().forward(hidden_states, mask, cache=cache)

    def decode_step(self, rows: int) -> MixerStep:
        fade = self.fade.sigmoid()

        def step(states: Tensor, mask: Any, cache: Any) -> Tensor:
            self.calls += 1
            past = states if cache.tensors is None else fade * cache.tensors[0] + states
            cache.update((past,), 1)
            return past

        return step


def attending() -> TransformerLayer:
    return TransformerLayer(Attention(equal_heads(SIZE, 3)), None, NORM, norm_first=True)


@pytest.mark.parametrize("kind", [Fading, Stepping])
@pytest.mark.parametrize("first", [0, 1, 3])
@torch.no_grad()
def test_every_way_to_decode_is_the_same(kind: type[Fading], first: int) -> None:
    """Attention and mixers stand in one stack; ``first`` positions are fed together."""
    layers = [
        MixerLayer(kind(), NORM, FeedForward(SIZE, 20)),
        attending(),
        MixerLayer(kind(), NORM),
    ]
    stack, inputs = drawn(TransformerStack(layers, NORM())), states(2, LENGTH, SIZE)
    expected = stack(inputs, CAUSAL).last_hidden_state
    for cache in (
        Cache(),
        Cache(decoding=True),
        OffloadedCache(),
        EncoderDecoderCache(DynamicCache()),
    ):
        pieces = [inputs[:, :first]] if first else []
        pieces += [inputs[:, index : index + 1] for index in range(first, LENGTH)]
        found = [
            stack(piece, CAUSAL if piece.shape[1] > 1 else None, cache=cache).last_hidden_state
            for piece in pieces
        ]
        torch.testing.assert_close(torch.cat(found, dim=1), expected)
        assert cache.get_seq_length() == LENGTH
        assert [type(layer.state) is RecurrentState for layer in cache.layers] == [
            True,
            False,
            True,
        ]
    steps = [layer.mixer.calls for layer in (stack.layers[0], stack.layers[2]) if kind is Stepping]
    assert steps == [LENGTH - (first if first > 1 else 0)] * len(steps)


def test_there_are_no_weights_of_attention_to_show() -> None:
    stack = drawn(TransformerStack([MixerLayer(Fading(), NORM), attending()]))
    output = stack(states(1, 3, SIZE), CAUSAL, output_attentions=True, output_hidden_states=True)
    assert [weights.shape for weights in output.attentions] == [(1, 3, 3, 3)]
    assert len(output.hidden_states) == 3


@pytest.mark.parametrize("training", [True, False])
def test_residuals_drop_in_training_only(training: bool) -> None:
    made = MixerLayer(Fading(), NORM, FeedForward(SIZE, 20), dropout=0.5)
    stack = drawn(TransformerStack([made])).train(training)
    first, second = (stack(states(1, 3, SIZE)).last_hidden_state for _ in range(2))
    assert torch.equal(first, second) is not training


def test_checkpointing_computes_the_same_gradients() -> None:
    stack = drawn(TransformerStack([MixerLayer(Fading(), NORM) for _ in range(3)])).train()
    gradients = []
    for on in (False, True):
        stack.gradient_checkpointing = on
        stack.zero_grad()
        stack(states(2, 4, SIZE)).last_hidden_state.square().sum().backward()
        gradients.append([p.grad for p in stack.parameters()])
    torch.testing.assert_close(*gradients)
