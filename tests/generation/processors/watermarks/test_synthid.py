"""SynthID's watermark, and the model that detects it."""

from __future__ import annotations

import json

import pytest
import torch

from automodel_core import generation as g
from automodel_core.modeling.watermark_detector import BayesianDetectorConfig, BayesianDetectorModel
from support.tiny_lm import drawn

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])

SYNTHID = {"ngram_len": 3, "keys": [654, 400, 836, 123, 340, 443]}


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
