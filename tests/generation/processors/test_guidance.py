"""Classifier-free guidance: the scores of each step, with and without a negative prompt."""

from __future__ import annotations

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])


def test_one_negative_prompt_for_all(decoder):
    decoder.generation_config.eos_token_id = None
    options = {"guidance_scale": 1.7, "max_new_tokens": 4}
    one = decoder.generate(PROMPT, negative_prompt_ids=PROMPT[:1], **options)
    both = decoder.generate(PROMPT, negative_prompt_ids=PROMPT[[0, 0]], **options)
    assert one.tolist() == both.tolist()


def test_guidance_of_scores_side_by_side():
    processor = g.ClassifierFreeGuidanceLogitsProcessor(3.0)
    scores = torch.randn(4, 5)
    expected = scores[2:] + 3 * (scores[:2] - scores[2:])
    torch.testing.assert_close(processor(PROMPT, scores), expected)
    with pytest.raises(GenerationArgumentError, match="expected scores of 4 rows"):
        processor(PROMPT, scores[:2])
    with pytest.raises(GenerationArgumentError, match="above 1"):
        g.ClassifierFreeGuidanceLogitsProcessor(1.0)


def test_guidance_moves_away_from_the_negative_prompt(decoder, prompt):
    decoder.generation_config.eos_token_id = None
    plain = decoder(input_ids=prompt).logits[:, -1].log_softmax(-1)
    negative = torch.tensor([[9, 10], [11, 12]])
    other = decoder(input_ids=negative).logits[:, -1].log_softmax(-1)
    results = [
        decoder.generate(
            prompt,
            guidance_scale=1.5,
            negative_prompt_ids=negative,
            max_new_tokens=4,
            use_cache=use_cache,
            return_dict_in_generate=True,
            output_scores=True,
        )
        for use_cache in (True, False)
    ]
    torch.testing.assert_close(results[0].scores[0], other + 1.5 * (plain - other))
    assert results[0].sequences.tolist() == results[1].sequences.tolist()
    assert decoder.generate(prompt, guidance_scale=2.0, max_new_tokens=2).shape == (2, 5)
