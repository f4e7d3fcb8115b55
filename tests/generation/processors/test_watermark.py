"""Watermarks: what is marked is found, and nothing else is changed."""

from __future__ import annotations

import json

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.settings.watermark import watermarking_of
from automodel_core.modeling.watermark_detector import BayesianDetectorConfig, BayesianDetectorModel
from support.tiny_lm import drawn

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])
SYNTHID = {"ngram_len": 3, "keys": [654, 400, 836, 123, 340, 443]}


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


def test_tournaments_keep_the_distribution_over_all_keys():
    scores = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    mean = torch.zeros(6)
    for key in range(600):
        processor = g.SynthIDTextWatermarkLogitsProcessor(ngram_len=2, keys=[key, key + 1000])
        mean += processor(PROMPT[:1], scores)[0].exp() / 600
    assert (mean - scores[0].softmax(0)).abs().max() < 0.05


@pytest.mark.parametrize("beams", [1, 2])
def test_marked_text_has_more_ones(beams):
    model = drawn(seed=1, eos_token_id=None)
    torch.manual_seed(0)
    options = {"max_new_tokens": 80, "do_sample": True, "num_beams": beams, "top_k": 0}
    config = g.SynthIDTextWatermarkingConfig(**SYNTHID)
    processor = config.construct_processor(23)
    means = []
    for mark in (None, config):
        ids = model.generate(PROMPT, watermarking_config=mark, temperature=3.0, **options)[:, 3:]
        counts = processor.compute_context_repetition_mask(ids)
        means.append(processor.compute_g_values(ids)[counts].float().mean())
    assert means[1] > means[0] + 0.04


def test_the_order_of_calls_does_not_matter():
    """Drafts are seen and dropped: the same text gives the same scores again."""
    processor = g.SynthIDTextWatermarkLogitsProcessor(**SYNTHID)
    scores = torch.randn(2, 23)
    text = torch.cat([PROMPT, torch.randint(0, 23, (2, 9))], dim=1)
    once = [processor(text[:, :length], scores) for length in range(3, 12)]
    for length in (11, 4, 7, 3):
        assert torch.equal(processor(text[:, :length], scores), once[length - 3])


def test_a_detector_that_was_not_trained_says_the_base_rate():
    detector = BayesianDetectorModel(BayesianDetectorConfig(watermarking_depth=4, base_rate=0.3))
    detector.config.set_detector_information("name", {"keys": [1]})
    g_values, none = torch.ones(2, 5, 4), torch.zeros(2, 5)
    torch.testing.assert_close(detector(g_values, none)[0], torch.full((2,), 0.3))
    output = detector(g_values, none + 1, labels=torch.ones(2), return_dict=True)
    assert bool((output.posterior_probabilities > 0.3).all())
    output.loss.backward()
    assert detector.likelihood_model_watermarked.delta.grad is not None


def test_a_detector_is_loaded_by_its_class(tmp_path):
    detector = BayesianDetectorModel(BayesianDetectorConfig(watermarking_depth=4))
    detector.save_pretrained(tmp_path)
    found = BayesianDetectorModel.from_pretrained(tmp_path)
    assert found.config.watermarking_depth == 4
    assert torch.equal(found.prior, detector.prior)
    path = tmp_path / "config.json"
    older = json.loads(path.read_text()) | {"model_type": "bayesian_detector"}
    path.write_text(json.dumps(older))
    assert BayesianDetectorModel.from_pretrained(tmp_path).config.watermarking_depth == 4


# ---- settings ----


@pytest.mark.parametrize("settings", [{"bias": 1.5}, SYNTHID])
def test_settings_go_into_files_and_back(settings, tmp_path):
    config = g.GenerationConfig(watermarking_config=settings)
    kind = g.WatermarkingConfig if "bias" in settings else g.SynthIDTextWatermarkingConfig
    assert config.watermarking_config == kind(**settings)
    config.save_pretrained(tmp_path)
    again = g.GenerationConfig.from_pretrained(tmp_path)
    assert again.watermarking_config == config.watermarking_config
    assert again == config
    assert json.loads(config.to_json_string())["watermarking_config"] == kind(**settings).to_dict()
    assert json.loads(kind(**settings).to_json_string()) == kind(**settings).to_dict()
    mark = kind.from_dict(settings)
    assert mark.update(debug_mode=True, bias=9.0, other=1).keys() >= {"other"}
    assert mark != kind(**settings)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"bais": 1.0}, "bais"),
        ({"greenlist_ratio": 1.0}, "greenlist_ratio must be between 0 and 1"),
        ({"seeding_scheme": "right"}, "lefthash or selfhash"),
        ({"context_width": 0}, "context_width must be at least 1"),
        ({"ngram_len": 1, "keys": [1]}, "ngram_len must be at least 2"),
        ({"ngram_len": 3, "keys": []}, "keys must be"),
        ({"ngram_len": 3, "keys": [1], "sampling_table_size": 2**25}, "sampling_table_size"),
        (3, "must be a WatermarkingConfig"),
    ],
)
def test_wrong_settings_are_refused(setting, message, decoder, prompt):
    with pytest.raises(GenerationArgumentError, match=message):
        watermarking_of(setting)
    with pytest.raises(GenerationArgumentError, match=message):
        g.GenerationConfig(watermarking_config=setting)
    with pytest.raises(GenerationArgumentError, match=message):
        decoder.generate(prompt, watermarking_config=setting, max_new_tokens=2)
    assert decoder.counting.decoder_lengths == []


def test_the_mark_comes_last(decoder, prompt):
    found = decoder.generate(
        prompt, watermarking_config={"bias": 9.0}, do_sample=True, top_k=2, max_new_tokens=3,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    assert bool((found.scores[0].isfinite().sum(1) == 2).all())


def test_guidance_of_scores_side_by_side():
    processor = g.ClassifierFreeGuidanceLogitsProcessor(3.0)
    scores = torch.randn(4, 5)
    expected = scores[2:] + 3 * (scores[:2] - scores[2:])
    torch.testing.assert_close(processor(PROMPT, scores), expected)
    with pytest.raises(GenerationArgumentError, match="expected scores of 4 rows"):
        processor(PROMPT, scores[:2])
    with pytest.raises(GenerationArgumentError, match="above 1"):
        g.ClassifierFreeGuidanceLogitsProcessor(1.0)
