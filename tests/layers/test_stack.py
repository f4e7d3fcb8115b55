"""A stack hands each layer what is its own, in whole passes and step by step."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
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
from automodel_core.layers.stack import TransformerStack, repeated
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


def whole_layer() -> TransformerLayer:
    return layer(FeedForward(SIZE, 8, activation="gelu_new", dropout=0.1))


def test_repeated_layers_without_memory_are_those_that_the_recipe_makes() -> None:
    with torch.device("meta"):
        first, second, third = repeated(whole_layer, 3)
        made = whole_layer()
    for found in (first, second, third):
        assert [*found.state_dict()] == [*made.state_dict()]
        assert repr(found) == repr(made)
        assert found.new_state.__self__ is found
        assert found._new_state.__self__ is found.self_attn
        for mine, theirs in zip(found.modules(), made.modules(), strict=True):
            assert type(mine) is type(theirs)
            assert vars(mine).keys() == vars(theirs).keys()
        for mine, theirs in zip(found.parameters(), made.parameters(), strict=True):
            assert type(mine) is nn.Parameter
            assert (mine.shape, mine.dtype, mine.is_meta) == (theirs.shape, theirs.dtype, True)
    parts = [part for each in (first, second, third) for part in each.modules()]
    assert len({*map(id, parts)}) == 3 * len([*made.modules()])
    weights = [weight for each in (first, second, third) for weight in each.parameters()]
    assert len({*map(id, weights)}) == 3 * len([*made.parameters()])
    second.register_forward_hook(lambda *_: None)
    assert not third._forward_hooks
    assert not third.mlp._parameters
    second.self_attn.num_heads = 1
    assert third.self_attn.num_heads == 3


def test_repeated_layers_are_independent_once_they_have_values() -> None:
    with torch.device("meta"):
        stack = TransformerStack(repeated(whole_layer, 3))
    drawn(stack.to_empty(device="cpu"))
    one, other = (each.self_attn.q_proj.weight for each in stack.layers[1:])
    assert not torch.equal(one, other)
    stack(states(2, LENGTH, SIZE)).last_hidden_state.sum().backward()
    assert not torch.equal(one.grad, other.grad)


def test_repeated_layers_in_memory_are_drawn_one_by_one() -> None:
    first, second = repeated(whole_layer, 2)
    assert not torch.equal(first.self_attn.q_proj.weight, second.self_attn.q_proj.weight)
    assert repeated(whole_layer, 0) == []


class Listing(nn.Module):
    """Holds what a copy would share with it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        if kind == "list":
            self.parts = [self.inner]
        elif kind == "own method":
            self.call = self.forward
        elif kind == "function":
            self.call = lambda: self.inner
        elif kind == "method in a tuple":
            self.calls = (self.inner.forward,)
        elif kind == "hook":
            self.inner.register_forward_hook(self.hook)
        else:
            self.register_buffer("table", torch.arange(3, device="cpu"))

    def hook(self, *_: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "kind", ["list", "own method", "function", "method in a tuple", "hook", "buffer"]
)
def test_a_layer_that_cannot_be_copied_is_made_again(kind: str) -> None:
    made: list[nn.Module] = []

    def make() -> nn.Module:
        made.append(Listing(kind))
        return made[-1]

    with torch.device("meta"):
        assert repeated(make, 3) == made


class Counting(TransformerLayer):
    """A layer that notes how many rows it is handed."""

    seen: list[int]

    def forward(self, hidden_states: Tensor, *given: Any, **options: Any) -> Any:
        self.seen.append(len(hidden_states))
        return super().forward(hidden_states, *given, **options)


def counting(seen: list[int]) -> Counting:
    own, over = Attention(equal_heads(SIZE, 3)), Attention(equal_heads(SIZE, 3))
    made = Counting(
        own, FeedForward(SIZE, 24), partial(RMSNorm, SIZE), norm_first=True, cross_attn=over
    )
    made.seen = seen
    return made


def test_a_large_batch_goes_through_the_layers_in_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHARE", "SHARE_OF_A_THREAD"):
        monkeypatch.setattr(f"automodel_core.layers.kernels.shares.{name}", 2 * 4 * LENGTH * SIZE)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    seen: list[int] = []
    stack = drawn(TransformerStack([counting(seen), counting(seen)], RMSNorm(SIZE)))
    rows, read = 5, 4
    inputs, context = states(rows, LENGTH, SIZE), states(rows, read, SIZE, seed=3)
    shown = torch.arange(LENGTH) < torch.arange(2, 2 + rows)[:, None]
    masks = [additive(shown, torch.float32)[:, None, None], window_mask(2)]
    given = {
        "context": context,
        "context_mask": additive(shown[:, :read], torch.float32)[:, None, None],
    }
    expected = stack(inputs, masks, **given).last_hidden_state.detach()
    assert seen == [rows, rows], "with gradients a batch stays whole"
    seen.clear()
    with torch.no_grad():
        torch.testing.assert_close(stack(inputs, masks, **given).last_hidden_state, expected)
        assert seen == [2, 2, 2, 2, 1, 1]
        seen.clear()
        more = stack(inputs, masks, output_hidden_states=True, **given)
        torch.testing.assert_close(more.last_hidden_state, expected)
        stack.norm.register_forward_hook(lambda *_: None)
        torch.testing.assert_close(stack(inputs, masks, **given).last_hidden_state, expected)
    assert seen == [rows] * 4, "what is shown, or watched, is of all rows"
