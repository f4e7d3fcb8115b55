"""Diverse beam search: groups of beams that avoid each other's tokens.

Its loop is in `strategies.beams.ranked`, its penalty in `processors.diversity`.
"""

from __future__ import annotations

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError


@torch.no_grad()
def one_beam_a_group(model, row: torch.Tensor, groups: int, penalty: float, steps: int):
    """Return the texts and log-probabilities of greedy searches that pay for shared tokens."""
    is_pair = model.config.is_encoder_decoder
    texts = [[0] if is_pair else row.tolist() for _ in range(groups)]
    totals = [0.0] * groups
    for _ in range(steps):
        taken: list[int] = []
        for group, text in enumerate(texts):
            ids = torch.tensor([text])
            if is_pair:
                output = model(decoder_input_ids=ids, encoder_outputs=model.encoder(row[None]))
            else:
                output = model(input_ids=ids)
            scores = output.logits[0, -1].log_softmax(-1)
            for token in taken:
                scores[token] -= penalty
            taken.append(int(scores.argmax()))
            totals[group] += float(scores[taken[-1]])
        for text, token in zip(texts, taken, strict=True):
            text.append(token)
    return texts, totals


@pytest.mark.parametrize("penalty", [0.3, 2.0, 50.0])
def test_groups_of_one_beam_are_greedy_searches_that_pay(model, prompt, penalty):
    model.generation_config.eos_token_id = None
    found = model.generate(
        prompt, num_beams=4, num_beam_groups=4, diversity_penalty=penalty, max_new_tokens=5,
        num_return_sequences=4, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    for item, row in enumerate(prompt):
        texts, totals = one_beam_a_group(model, row, 4, penalty, 5)
        order = sorted(range(4), key=lambda group: totals[group], reverse=True)
        rows = slice(4 * item, 4 * item + 4)
        assert found.sequences[rows].tolist() == [texts[group] for group in order]
        expected = torch.tensor([totals[group] / 5 for group in order])
        torch.testing.assert_close(found.sequences_scores[rows], expected, atol=1e-4, rtol=1e-4)


def test_a_group_alone_in_the_first_place_is_beam_search(model, prompt):
    """The first group pays nothing, so the best of its beams is the best of beam search."""
    options = {"max_new_tokens": 6, "early_stopping": True}
    alone = model.generate(prompt, num_beams=3, **options)
    both = model.generate(
        prompt, num_beams=6, num_beam_groups=2, diversity_penalty=1e6, num_return_sequences=6,
        **options,
    )  # fmt: skip
    texts = both.view(2, 6, -1).tolist()
    for item, row in enumerate(alone.tolist()):
        assert any(text[: len(row)] == row for text in texts[item])


def test_transition_scores_add_up(model, prompt):
    found = model.generate(
        prompt, num_beams=6, num_beam_groups=3, diversity_penalty=0.7, max_new_tokens=6,
        num_return_sequences=5, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    scores = model.compute_transition_scores(found.sequences, found.scores, found.beam_indices)
    lengths = (found.beam_indices >= 0).sum(1)
    torch.testing.assert_close(scores.sum(1) / lengths, found.sequences_scores)


def test_what_a_token_costs():
    scores = torch.zeros(4, 5)
    current = torch.tensor([1, 1, 2, 0, 0, 0, 3, 4, 0, 0, 0, 0])
    processor = g.HammingDiversityLogitsProcessor(0.5, num_beams=6, num_beam_groups=3)
    ids = torch.zeros(4, 1, dtype=torch.long)
    assert processor(ids, scores, current, 0).tolist() == scores.tolist()
    found = processor(ids, scores, current, 2)
    first, second = [-0.5, -1.0, -0.5, 0, 0], [-1.0, 0, 0, -0.5, -0.5]
    assert found.tolist() == [first, first, second, second]
    assert bool((scores == 0).all())
    with pytest.raises(GenerationArgumentError, match="above 0"):
        g.HammingDiversityLogitsProcessor(0.0, 4, 2)
    with pytest.raises(GenerationArgumentError, match="cannot be divided into 3"):
        g.HammingDiversityLogitsProcessor(1.0, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_beams": 4, "num_beam_groups": 3}, "cannot be divided into num_beam_groups=3"),
        ({"num_beams": 2, "num_beam_groups": 4}, "cannot be divided"),
        ({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.0}, "above 0"),
        ({"num_beams": 4, "num_beam_groups": 2, "do_sample": True}, "with do_sample=True"),
        ({"num_beams": 4, "num_beam_groups": 0}, "num_beam_groups must be"),
        ({"num_beams": 4, "num_beam_groups": 2, "num_return_sequences": 5}, "more than num_beams"),
    ],
)
def test_refused(model, prompt, arguments, message):
    with pytest.raises(GenerationArgumentError, match=message):
        model.generate(prompt, max_new_tokens=3, **{"diversity_penalty": 1.0, **arguments})
    assert model.counting.decoder_lengths == []


def test_allowed_prefixes_see_the_item_and_criteria_end_all(decoder, prompt):
    seen = set()

    def allowed(item, ids):
        seen.add((item, tuple(ids[:3].tolist())))
        return [5, 6, 7]

    found = decoder.generate(
        prompt, num_beams=4, num_beam_groups=2, diversity_penalty=1.0, max_new_tokens=9,
        prefix_allowed_tokens_fn=allowed, stopping_criteria=[lambda ids, scores: ids.shape[1] > 5],
    )  # fmt: skip
    assert seen == {(0, (3, 4, 5)), (1, (6, 7, 8))}
    assert found.shape == (2, 6)
    assert set(found[:, 3:].flatten().tolist()) <= {5, 6, 7}
