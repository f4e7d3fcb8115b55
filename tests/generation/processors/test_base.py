"""Logits processors: the calling convention, lengths, forced and suppressed tokens."""

from __future__ import annotations

import math

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError

INF = math.inf


@pytest.fixture
def ids():
    return torch.tensor([[3, 4, 5, 3, 4], [6, 6, 6, 6, 6]])


@pytest.fixture
def scores():
    return torch.randn(2, 12, generator=torch.Generator().manual_seed(0))


def changed(before, after) -> set[tuple[int, int]]:
    return {tuple(pair) for pair in (before != after).nonzero().tolist()}


def test_a_call_leaves_its_argument_alone_and_the_loop_writes_in_place(ids, scores):
    before = scores.clone()
    processor = g.SuppressTokensLogitsProcessor([2, 99])
    assert changed(scores, processor(ids, scores)) == {(0, 2), (1, 2)}
    assert torch.equal(scores, before)
    process = g.LogitsProcessorList([processor]).in_place()
    assert process(ids, scores) is scores
    assert scores[0, 2] == -INF


def test_a_list_takes_any_callable_and_applies_in_order(ids, scores):
    chain = g.LogitsProcessorList([lambda i, s: s + 1, lambda i, s: s * 2])
    assert torch.equal(chain(ids, scores), (scores + 1) * 2)
    assert torch.equal(chain.in_place()(ids, scores), (scores + 1) * 2)
    assert g.LogitsProcessorList().in_place() is None


def test_a_subclass_with_its_own_call_is_obeyed(ids, scores):
    class Doubled(g.LogitNormalization):
        def __call__(self, input_ids, scores):
            return scores * 2

    class Other(g.SuppressTokensLogitsProcessor):
        def __call__(self, input_ids, scores):
            return scores - 1

    chain = g.LogitsProcessorList([Doubled(), Other([1])])
    assert torch.equal(chain.in_place()(ids, scores), scores * 2 - 1)


def test_more_arguments_must_be_given(ids, scores):
    def wants(input_ids, scores, extra):
        return scores * extra

    chain = g.LogitsProcessorList([wants])
    assert torch.equal(chain(ids, scores, extra=3), scores * 3)
    with pytest.raises(GenerationArgumentError, match=r"needs the arguments \['extra'\]"):
        chain.in_place()


def test_a_base_without_a_call_says_so(ids, scores):
    with pytest.raises(TypeError, match="does not define __call__"):
        g.LogitsProcessor()(ids, scores)


def test_minimum_lengths(ids, scores):
    for processor, holds in (
        (g.MinLengthLogitsProcessor(6, [1, 2]), True),
        (g.MinLengthLogitsProcessor(5, 1), False),
        (g.MinNewTokensLengthLogitsProcessor(3, 3, torch.tensor(1)), True),
        (g.MinNewTokensLengthLogitsProcessor(3, 2, 1), False),
    ):
        after = processor(ids, scores)
        assert (after[0, 1] == -INF) == holds
    for wrong in (-1, 2.5, True):
        with pytest.raises(GenerationArgumentError, match="min_length"):
            g.MinLengthLogitsProcessor(wrong, 1)
    with pytest.raises(GenerationArgumentError, match="token ids of at least 0"):
        g.MinLengthLogitsProcessor(2, -1)


def test_forced_tokens(ids, scores):
    after = g.ForcedBOSTokenLogitsProcessor(3)(ids[:, :1], scores)
    assert after[0].argmax() == 3
    assert after[0].exp().sum() == 1
    assert torch.equal(g.ForcedBOSTokenLogitsProcessor(3)(ids, scores), scores)
    after = g.ForcedEOSTokenLogitsProcessor(6, [1, 2])(ids, scores)
    assert (after[0].isfinite().nonzero().flatten()).tolist() == [1, 2]
    assert torch.equal(g.ForcedEOSTokenLogitsProcessor(7, 1)(ids, scores), scores)


def test_tokens_suppressed_at_the_beginning(ids, scores):
    processor = g.SuppressTokensAtBeginLogitsProcessor([2, 50], 5)
    assert changed(scores, processor(ids, scores)) == {(0, 2), (1, 2)}
    processor.set_begin_index(4)
    assert torch.equal(processor(ids, scores), scores)


def test_invalid_values_are_removed(ids):
    scores = torch.tensor([[1.0, INF, -INF, float("nan")]])
    after = g.InfNanRemoveLogitsProcessor()(ids, scores)
    largest = torch.finfo(torch.float32).max
    assert after.tolist() == [[1.0, largest, -largest, 0.0]]


def test_the_end_becomes_likelier(ids, scores):
    scores[1, 1] = -INF
    after = g.ExponentialDecayLengthPenalty((1, 1.5), 1, 2)(ids, scores)
    torch.testing.assert_close(after[0, 1], scores[0, 1] + scores[0, 1].abs() * (1.5**2 - 1))
    assert after[1, 1] == -INF
    later = g.ExponentialDecayLengthPenalty((3, 1.5), 1, 2)(ids, scores)
    assert torch.equal(later, scores)


def test_normalization(ids, scores):
    after = g.LogitNormalization()(ids, scores)
    torch.testing.assert_close(after.exp().sum(-1), torch.ones(2))


def test_allowed_prefixes(ids, scores):
    seen = []

    def allowed(item, tokens):
        seen.append((item, tokens.tolist()))
        return [1, 2] if item == 0 else [7]

    after = g.PrefixConstrainedLogitsProcessor(allowed, 1)(ids, scores)
    assert seen == [(0, ids[0].tolist()), (1, ids[1].tolist())]
    assert after.isfinite().nonzero().tolist() == [[0, 1], [0, 2], [1, 7]]
    scores[1, 7] = -INF
    after = g.PrefixConstrainedLogitsProcessor(allowed, 1)(ids, scores)
    assert after[1, 7] == 0
    with pytest.raises(GenerationArgumentError, match="no token at all"):
        g.PrefixConstrainedLogitsProcessor(lambda item, tokens: [], 2)(ids, scores)
