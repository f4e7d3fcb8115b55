"""Processors that look at the tokens so far, each against a plain statement of what it does."""

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
