"""Layers and stacks against torch's transformer, and in the forms that decoding uses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.key_view import CAUSAL
from automodel_core.layers.feed_forward import FeedForward, GatedFeedForward
from automodel_core.layers.kernels.norms import RMSNorm
from automodel_core.layers.parts import LayerInputs
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer

SIZE, HEADS, WIDE = 12, 3, 20


def states(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(*, norm_first: bool, cross: bool = True, **more: Any) -> TransformerLayer:
    return TransformerLayer(
        Attention(equal_heads(SIZE, HEADS), **more),
        FeedForward(SIZE, WIDE, activation="relu"),
        partial(nn.LayerNorm, SIZE),
        norm_first=norm_first,
        cross_attn=Attention(equal_heads(SIZE, HEADS), **more) if cross else None,
    )


def drawn(module: nn.Module, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.0, 0.4, generator=generator)
    return module.eval()


def joined(attention: Attention) -> dict[str, Tensor]:
    projections = (attention.q_proj, attention.k_proj, attention.v_proj)
    return {
        "in_proj_weight": torch.cat([p.weight for p in projections]),
        "in_proj_bias": torch.cat([p.bias for p in projections]),
        "out_proj.weight": attention.o_proj.weight,
        "out_proj.bias": attention.o_proj.bias,
    }


def as_torch(ours: TransformerLayer) -> nn.Module:
    """Return torch's own layer with the same weights."""
    options = {"dropout": 0.0, "batch_first": True, "norm_first": ours.norm_first}
    parts = {"self_attn": joined(ours.self_attn), "norm1": ours.self_attn_norm.state_dict()}
    if ours.cross_attn is None:
        theirs: nn.Module = nn.TransformerEncoderLayer(SIZE, HEADS, WIDE, **options)
        parts["norm2"] = ours.mlp_norm.state_dict()
    else:
        theirs = nn.TransformerDecoderLayer(SIZE, HEADS, WIDE, **options)
        parts["multihead_attn"] = joined(ours.cross_attn)
        parts["norm2"] = ours.cross_attn_norm.state_dict()
        parts["norm3"] = ours.mlp_norm.state_dict()
    parts["linear1"] = ours.mlp.up_proj.state_dict()
    parts["linear2"] = ours.mlp.down_proj.state_dict()
    theirs.load_state_dict({f"{a}.{b}": t for a, part in parts.items() for b, t in part.items()})
    return theirs.eval()


@pytest.mark.parametrize("norm_first", [True, False])
def test_like_the_decoder_layer_of_torch(norm_first: bool) -> None:
    ours = drawn(layer(norm_first=norm_first))
    theirs = as_torch(ours)
    inputs, context = states(2, 5, SIZE), states(2, 4, SIZE, seed=2)
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected = theirs(inputs, context, tgt_mask=hidden)
    found, weights = ours(inputs, LayerInputs(CAUSAL, context=context))
    torch.testing.assert_close(found, expected)
    assert weights == (None, None)


@pytest.mark.parametrize("norm_first", [True, False])
def test_like_the_encoder_layer_of_torch(norm_first: bool) -> None:
    ours = drawn(layer(norm_first=norm_first, cross=False))
    theirs = as_torch(ours)
    inputs = states(2, 5, SIZE)
    torch.testing.assert_close(ours(inputs, LayerInputs())[0], theirs(inputs))
    without_context, _ = drawn(layer(norm_first=norm_first))(inputs, LayerInputs())
    assert without_context.shape == inputs.shape


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("cross", [True, False])
def test_every_way_to_decode_is_the_same(norm_first: bool, cross: bool) -> None:
    stack = drawn(
        TransformerStack(
            [layer(norm_first=norm_first, cross=cross) for _ in range(2)], nn.LayerNorm(SIZE)
        )
    )
    inputs = states(3, 6, SIZE)
    context = states(3, 4, SIZE, seed=2) if cross else None
    with torch.no_grad():
        expected = stack(inputs, CAUSAL, context=context).last_hidden_state
        for cache in (Cache(), Cache(decoding=True)):
            found = [
                stack(inputs[:, i : i + 1], cache=cache, context=context).last_hidden_state
                for i in range(6)
            ]
            torch.testing.assert_close(torch.cat(found, dim=1), expected)
            assert bool(cache.memo) == cache.decoding


class Negated(FeedForward):
    """A part of somebody else's, with a decode step of its own."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        return -super().forward(hidden_states)

    def decode_step(self, rows: int) -> Any:
        self.prepared = True
        step = super().decode_step(rows)
        return lambda hidden_states: -step(hidden_states)


class Inheriting(Negated):
    def forward(self, hidden_states: Tensor) -> Tensor:
        return 2 * super().forward(hidden_states)


@pytest.mark.parametrize("kind", [Negated, Inheriting])
def test_a_part_is_prepared_by_its_own_class_only(kind: type[Negated]) -> None:
    own = layer(norm_first=True)
    own.mlp = kind(SIZE, WIDE, activation="relu")
    stack = drawn(TransformerStack([own]))
    inputs, context = states(3, 1, SIZE), states(3, 4, SIZE, seed=2)
    with torch.no_grad():
        expected = stack(inputs, context=context).last_hidden_state
        found = stack(inputs, context=context, cache=Cache(decoding=True)).last_hidden_state
    torch.testing.assert_close(found, expected)
    assert ("prepared" in vars(own.mlp)) == (kind is Negated)


def test_what_the_caller_asks_to_see() -> None:
    stack = drawn(TransformerStack([layer(norm_first=True) for _ in range(2)], nn.LayerNorm(SIZE)))
    inputs, context = states(1, 3, SIZE), states(1, 4, SIZE)
    output = stack(
        inputs, CAUSAL, context=context, output_attentions=True, output_hidden_states=True
    )
    assert torch.equal(output.hidden_states[0], inputs)
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
    assert len(output.hidden_states) == 3
    assert [w.shape for w in output.attentions] == [(1, HEADS, 3, 3)] * 2
    assert [w.shape for w in output.cross_attentions] == [(1, HEADS, 3, 4)] * 2
    plain = stack(inputs, CAUSAL, context=context)
    torch.testing.assert_close(plain.last_hidden_state, output.last_hidden_state)
    assert plain.hidden_states is plain.attentions is plain.cross_attentions is None
    alone = stack(inputs, output_attentions=True)
    assert alone.cross_attentions is None


def test_checkpointing_computes_the_same_gradients() -> None:
    stack = drawn(TransformerStack([layer(norm_first=True) for _ in range(3)]))
    stack.train()
    gradients = []
    for on in (False, True):
        stack.gradient_checkpointing = on
        stack.zero_grad()
        stack(
            states(2, 4, SIZE), context=states(2, 3, SIZE)
        ).last_hidden_state.square().sum().backward()
        gradients.append([p.grad for p in stack.parameters()])
    torch.testing.assert_close(*gradients)


def test_half_precision_stays_finite() -> None:
    ours = drawn(layer(norm_first=True, cross=False)).half()
    inputs = torch.full((1, 2, SIZE), 65000.0, dtype=torch.float16)
    found, _ = ours(inputs, LayerInputs())
    assert bool(found.isfinite().all())


def test_gated_layers_without_biases() -> None:
    made = drawn(
        TransformerLayer(
            Attention(equal_heads(SIZE, HEADS, head_dim=5, bias=False)),
            GatedFeedForward(SIZE, WIDE, bias=False),
            partial(RMSNorm, SIZE),
            norm_first=True,
        )
    )
    stack = TransformerStack([made]).eval()
    inputs = states(2, 5, SIZE)
    with torch.no_grad():
        expected = stack(inputs, CAUSAL).last_hidden_state
        cache = Cache(decoding=True)
        found = [stack(inputs[:, i : i + 1], cache=cache).last_hidden_state for i in range(5)]
    torch.testing.assert_close(torch.cat(found, dim=1), expected)


@pytest.mark.parametrize("training", [True, False])
def test_residuals_drop_in_training_only(training: bool) -> None:
    made = drawn(
        TransformerLayer(
            Attention(equal_heads(SIZE, HEADS)),
            FeedForward(SIZE, WIDE),
            partial(nn.LayerNorm, SIZE),
            norm_first=False,
            dropout=0.5,
        )
    )
    stack = TransformerStack([made], dropout=0.5).train(training)
    first, second = (stack(states(1, 3, SIZE)).last_hidden_state for _ in range(2))
    assert torch.equal(first, second) is not training
