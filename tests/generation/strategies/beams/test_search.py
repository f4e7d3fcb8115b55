"""Beam search: at least as good as greedy search, and exhaustive with enough beams.

The candidates and finished beams are in `strategies.beams.candidates`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import torch

from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.generation.strategies.beams.candidates import _padding
from automodel_core.generation.strategies.request import DecodingRequest


def test_one_beam_is_greedy_search_and_more_are_no_worse(model, prompt):
    details = {"return_dict_in_generate": True, "output_scores": True, "max_new_tokens": 6}
    model.generation_config.eos_token_id = None
    greedy = model.generate(prompt, **details)
    beams = model.generate(prompt, num_beams=4, **details)
    total = model.compute_transition_scores(
        greedy.sequences, greedy.scores, normalize_logits=True
    ).sum(1)
    chosen = model.compute_transition_scores(beams.sequences, beams.scores, beams.beam_indices).sum(
        1
    )
    torch.testing.assert_close(chosen / 6, beams.sequences_scores)
    assert bool((chosen >= total - 1e-5).all())


def exhaustive(model, row: torch.Tensor, steps: int, count: int) -> list[list[int]]:
    """Return the best sequences of exactly ``steps`` tokens among all that there are."""
    vocabulary = 23
    prefixes, totals = row[None], torch.zeros(1)
    for _ in range(steps):
        logits = model(input_ids=prefixes).logits[:, -1].log_softmax(-1)
        totals = (totals[:, None] + logits).flatten()
        tokens = torch.arange(vocabulary).repeat(len(prefixes))[:, None]
        prefixes = torch.cat([prefixes.repeat_interleave(vocabulary, 0), tokens], dim=1)
    return prefixes[totals.topk(count).indices].tolist()


def test_as_many_beams_as_tokens_find_the_best_sequences(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    found = decoder.generate(prompt[:1], num_beams=23, num_return_sequences=4, max_new_tokens=2)
    assert found.tolist() == exhaustive(decoder, prompt[0], 2, 4)


@pytest.mark.parametrize(
    ("padding", "asked", "expected"), [(0, None, 2), (0, True, 0), (5, None, 5), (5, True, 5)]
)
def test_short_beams_are_padded_as_transformers_does_or_with_zero(
    padding: int, asked: bool | None, expected: int
) -> None:
    config = GenerationConfig(pad_beams_with_zero=asked)
    request = SimpleNamespace(config=config, pad_token_id=padding, eos_token_ids=(2,))
    assert _padding(cast(DecodingRequest, request)) == expected
