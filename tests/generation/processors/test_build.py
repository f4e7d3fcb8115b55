"""The processors and criteria that ``generate`` builds, and the caller's among them."""

from __future__ import annotations

import warnings

import pytest

from automodel_core import generation as g


@pytest.mark.parametrize("beams", [1, 3])
def test_custom_processors_criteria_and_allowed_prefixes(model, prompt, beams):
    def only_even(ids, scores):
        scores[:, 1::2] = -float("inf")
        return scores

    def after_ten(ids, scores, **kwargs):
        return ids[:, -1] == 10

    found = model.generate(
        prompt, max_new_tokens=7, num_beams=beams, logits_processor=[only_even],
        stopping_criteria=[after_ten], prefix_allowed_tokens_fn=lambda item, ids: [7, 8, 10 + item],
    )  # fmt: skip
    start = 1 if model.config.is_encoder_decoder else 3
    assert set(found[:, start:].flatten().tolist()) <= {0, 1, 8, 10}


def test_a_custom_part_replaces_the_built_one_of_its_class(decoder, prompt):
    with pytest.warns(UserWarning, match="MaxLengthCriteria that was passed replaces"):
        found = decoder.generate(
            prompt, max_new_tokens=9, stopping_criteria=[g.MaxLengthCriteria(5)]
        )
    assert found.shape[1] <= 5


def test_settings_that_change_nothing_build_nothing(decoder, prompt, monkeypatch):
    built = []
    original = g.LogitsProcessorList.in_place
    monkeypatch.setattr(
        g.LogitsProcessorList, "in_place", lambda self: (built.append(len(self)), original(self))[1]
    )
    decoder.generate(
        prompt, max_new_tokens=2, min_length=2, repetition_penalty=1.0, no_repeat_ngram_size=0,
        suppress_tokens=[], forced_bos_token_id=4, bad_words_ids=[[1]],
    )  # fmt: skip
    assert built == [0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decoder.generate(prompt, max_new_tokens=2, top_p=0.5)
    assert "top_p=0.5 has no effect" in str(caught[0].message)
