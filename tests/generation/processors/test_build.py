"""Each processor against a straightforward statement of what it does."""

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


def test_repetition_penalty(ids, scores):
    after = g.RepetitionPenaltyLogitsProcessor(2.0)(ids, scores)
    assert changed(scores, after) == {(0, 3), (0, 4), (0, 5), (1, 6)}
    for row, token in changed(scores, after):
        old = scores[row, token]
        assert after[row, token] == (old * 2 if old < 0 else old / 2)
    some = g.RepetitionPenaltyLogitsProcessor(2.0, 4)(ids, scores)
    assert changed(scores, some) == {(0, 4), (1, 6)}
    rows = g.RepetitionPenaltyLogitsProcessor(2.0, torch.tensor([2, 0]))(ids, scores)
    assert changed(scores, rows) == {(0, 5), (0, 3), (0, 4), (1, 6)}
    with pytest.raises(GenerationArgumentError, match="penalty"):
        g.RepetitionPenaltyLogitsProcessor(0.0)


def test_encoder_repetition_penalty(ids, scores):
    after = g.EncoderRepetitionPenaltyLogitsProcessor(2.0, torch.tensor([[7, 8]]))(ids, scores)
    assert changed(scores, after) == {(0, 7), (0, 8), (1, 7), (1, 8)}
    old = scores[0, 7]
    assert after[0, 7] == (old / 2 if old < 0 else old * 2)


def test_no_repeat_ngrams(ids, scores):
    for size, expected in (
        (1, {(0, 3), (0, 4), (0, 5), (1, 6)}),
        (2, {(0, 5), (1, 6)}),
        (3, {(0, 5), (1, 6)}),
        (4, {(1, 6)}),
        (6, set()),
    ):
        after = g.NoRepeatNGramLogitsProcessor(size)(ids, scores)
        assert changed(scores, after) == expected
        assert all(after[row, token] == -INF for row, token in expected)
    with pytest.raises(GenerationArgumentError, match="ngram_size"):
        g.NoRepeatNGramLogitsProcessor(0)


def test_encoder_ngrams(ids, scores):
    source = torch.tensor([[4, 9, 3, 4, 10]])
    after = g.EncoderNoRepeatNGramLogitsProcessor(2, source)(ids, scores)
    assert changed(scores, after) == {(0, 9), (0, 10)}
    after = g.EncoderNoRepeatNGramLogitsProcessor(3, source[0])(ids, scores)
    assert changed(scores, after) == {(0, 10)}
    for size, prompt in ((6, ids), (3, ids[:, :1])):
        processor = g.EncoderNoRepeatNGramLogitsProcessor(size, source)
        assert torch.equal(processor(prompt, scores), scores)


def test_biased_and_forbidden_sequences(ids, scores):
    bias = {(2,): 1.5, (4, 7): 2.0, (3, 4, 8): -1.0, (5, 4, 9): 3.0, (1, 1, 3, 3, 4, 4): 1.0}
    after = g.SequenceBiasLogitsProcessor(bias)(ids, scores)
    assert changed(scores, after) == {(0, 2), (1, 2), (0, 7), (0, 8)}
    torch.testing.assert_close(after[0, 7], scores[0, 7] + 2)
    same = g.SequenceBiasLogitsProcessor([[list(k), v] for k, v in bias.items()])(ids, scores)
    assert torch.equal(after, same)
    words = g.NoBadWordsLogitsProcessor([[4, 7], [1], [2]], eos_token_id=1)
    after = words(ids, scores)
    assert changed(scores, after) == {(0, 7), (0, 2), (1, 2)}
    for wrong in ({(): 1.0}, {(1,): "x"}, {3: 1.0}, {(-1,): 1.0}):
        with pytest.raises(GenerationArgumentError):
            g.SequenceBiasLogitsProcessor(wrong)
    with pytest.raises(GenerationArgumentError, match="token 50"):
        g.SequenceBiasLogitsProcessor({(50,): 1.0})(ids, scores)
    with pytest.raises(GenerationArgumentError, match="bad_words_ids"):
        g.NoBadWordsLogitsProcessor([])


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


class TestWarpers:
    """Truncations, on a distribution of 0.4, 0.3, 0.2, 0.1."""

    scores = torch.tensor([[0.2, 0.4, 0.1, 0.3]]).log()
    ids = torch.tensor([[0]])

    def kept(self, warper) -> list[int]:
        return warper(self.ids, self.scores)[0].isfinite().nonzero().flatten().tolist()

    def test_temperature(self):
        after = g.TemperatureLogitsWarper(0.5)(self.ids, self.scores)
        torch.testing.assert_close(after, self.scores / 0.5)
        for wrong in (0, -1.0, float("nan"), INF):
            with pytest.raises(GenerationArgumentError, match="temperature"):
                g.TemperatureLogitsWarper(wrong)

    def test_top_k(self):
        assert self.kept(g.TopKLogitsWarper(2)) == [1, 3]
        assert self.kept(g.TopKLogitsWarper(9)) == [0, 1, 2, 3]
        assert self.kept(g.TopKLogitsWarper(1, min_tokens_to_keep=3)) == [0, 1, 3]
        with pytest.raises(GenerationArgumentError, match="top_k"):
            g.TopKLogitsWarper(0)

    def test_top_p(self):
        assert self.kept(g.TopPLogitsWarper(0.65)) == [1, 3]
        assert self.kept(g.TopPLogitsWarper(0.75)) == [0, 1, 3]
        assert self.kept(g.TopPLogitsWarper(0.0, min_tokens_to_keep=2)) == [1, 3]
        with pytest.raises(GenerationArgumentError, match="top_p"):
            g.TopPLogitsWarper(1.5)

    def test_min_p(self):
        assert self.kept(g.MinPLogitsWarper(0.6)) == [1, 3]
        assert self.kept(g.MinPLogitsWarper(0.9, min_tokens_to_keep=2)) == [1, 3]
        with pytest.raises(GenerationArgumentError, match="min_p"):
            g.MinPLogitsWarper(-0.1)

    def test_typical(self):
        # The entropy is 1.28 nats: 0.3 (1.20) is nearest, then 0.2 (1.61) and 0.4 (0.92).
        assert self.kept(g.TypicalLogitsWarper(0.2)) == [3]
        assert self.kept(g.TypicalLogitsWarper(0.4)) == [0, 3]
        with pytest.raises(GenerationArgumentError, match="typical_p"):
            g.TypicalLogitsWarper(1.0)

    def test_epsilon_and_eta(self):
        assert self.kept(g.EpsilonLogitsWarper(0.25)) == [1, 3]
        assert self.kept(g.EpsilonLogitsWarper(0.9, min_tokens_to_keep=2)) == [1, 3]
        # sqrt(0.5) * exp(-1.28) = 0.197
        assert self.kept(g.EtaLogitsWarper(0.5)) == [0, 1, 3]
        for warper in (g.EpsilonLogitsWarper, g.EtaLogitsWarper):
            with pytest.raises(GenerationArgumentError, match="cutoff"):
                warper(0.0)

    def test_top_h(self):
        # Terms of the entropy, best first: 0.37, 0.36, 0.32, 0.23 of 1.28.
        assert self.kept(g.TopHLogitsWarper(0.6)) == [1, 3]
        assert self.kept(g.TopHLogitsWarper(0.1)) == [1]
        with pytest.raises(GenerationArgumentError, match="top_h"):
            g.TopHLogitsWarper(0.0)
