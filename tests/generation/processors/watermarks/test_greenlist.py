"""The watermark of green tokens: a mark is detected, and only by its own settings."""

from __future__ import annotations

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from support.tiny_lm import drawn

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])


@pytest.mark.parametrize("scheme", ["lefthash", "selfhash"])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_mark_is_found(scheme, beams):
    model = drawn(seed=1, eos_token_id=None)
    config = g.WatermarkingConfig(bias=4.0, greenlist_ratio=0.4, seeding_scheme=scheme)
    options = {"max_new_tokens": 60, "do_sample": True, "num_beams": beams, "top_k": 0}
    options["temperature"] = 9.0  # or it says the same all the time
    torch.manual_seed(0)
    marked = model.generate(PROMPT, watermarking_config=config, **options)[:, 3:]
    plain = model.generate(PROMPT, **options | {"num_beams": 1})[:, 3:]
    detector = g.WatermarkDetector(model.config, "cpu", config)
    assert detector(marked).tolist() == [True, True]
    found = detector(plain, return_dict=True)
    assert found.prediction.tolist() == [False, False]
    assert bool((found.num_green_tokens <= found.num_tokens_scored).all())
    strict = g.WatermarkDetector(model.config, "cpu", config.to_dict(), ignore_repeated_ngrams=True)
    assert bool((strict(marked, return_dict=True).num_tokens_scored < 60).all())


def test_other_keys_do_not_find_it():
    model = drawn(seed=1, eos_token_id=None)
    config = g.WatermarkingConfig(bias=6.0)
    torch.manual_seed(0)
    marked = model.generate(
        PROMPT, watermarking_config=config, do_sample=True, max_new_tokens=80, top_k=0,
        temperature=9.0,
    )  # fmt: skip
    other = g.WatermarkDetector(model.config, "cpu", g.WatermarkingConfig(hashing_key=999))
    assert other(marked).tolist() == [False, False]


def test_texts_must_be_alike_and_long_enough():
    model = drawn(bos_token_id=2)
    detector = g.WatermarkDetector(model.config, "cpu", {"context_width": 2})
    with pytest.raises(GenerationArgumentError, match="some of the texts begin with token 2"):
        detector(torch.tensor([[2, 3, 4], [3, 4, 5]]))
    with pytest.raises(GenerationArgumentError, match="texts of 2 tokens are too short"):
        detector(torch.tensor([[2, 3, 4]]))
    processor = g.WatermarkLogitsProcessor(23, context_width=4)
    with pytest.warns(UserWarning, match="a text of 3 tokens is not marked"):
        processor(PROMPT, torch.zeros(2, 23))


def test_the_mark_comes_last(decoder, prompt):
    found = decoder.generate(
        prompt, watermarking_config={"bias": 9.0}, do_sample=True, top_k=2, max_new_tokens=3,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    assert bool((found.scores[0].isfinite().sum(1) == 2).all())
