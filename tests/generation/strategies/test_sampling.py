"""Greedy search and sampling: the tokens that are chosen."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.strategies.sampling import greedy_tokens


def test_no_token_left_to_draw(decoder, prompt):
    with pytest.raises(GenerationArgumentError, match="no token is allowed"):
        decoder.generate(prompt, do_sample=True, suppress_tokens=list(range(23)), max_new_tokens=2)


@pytest.mark.parametrize("vocabulary", [5, 511, 512, 513, 700, 1024, 1111])
def test_the_likeliest_token_is_the_first_of_the_highest(vocabulary):
    torch.manual_seed(vocabulary)
    for rows in (1, 3, 8):
        for scores in (
            torch.randn(rows, vocabulary),
            torch.randint(0, 3, (rows, vocabulary)).float(),
            torch.full((rows, vocabulary), -float("inf")),
        ):
            assert greedy_tokens(scores).tolist() == scores.argmax(-1).tolist()


def test_samples_follow_the_distribution(decoder):
    ids = torch.tensor([[3, 4]])
    expected = decoder(input_ids=ids).logits[0, -1].div(0.8).softmax(-1)
    torch.manual_seed(0)
    drawn = decoder.generate(
        ids, do_sample=True, temperature=0.8, top_k=0, num_return_sequences=4000, max_new_tokens=1
    )
    counts = drawn[:, -1].bincount(minlength=23) / 4000
    assert (counts - expected).abs().max() < 0.03
    kept = decoder.generate(ids, do_sample=True, top_k=2, num_return_sequences=50, max_new_tokens=1)
    assert set(kept[:, -1].tolist()) <= set(expected.topk(2).indices.tolist())
