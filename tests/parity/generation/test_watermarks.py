"""Watermarks: marked and found as by the reference, in either direction."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from hypothesis import given, strategies as st  # noqa: E402
from torch import Tensor  # noqa: E402

from automodel_core import generation as g  # noqa: E402
from automodel_core.modeling import watermark_detector  # noqa: E402
from support.examples import examples  # noqa: E402

VOCABULARY = 53
MARKS = [
    {},
    {"bias": 5.0, "greenlist_ratio": 0.5},
    {"seeding_scheme": "selfhash", "context_width": 1},
    {"seeding_scheme": "selfhash", "context_width": 3, "hashing_key": 77},
    {"hashing_key": 12345678910, "context_width": 2},
]


def tokens(rows: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(3, VOCABULARY, (rows, length), generator=torch.manual_seed(seed))


@pytest.mark.parametrize("mark", range(len(MARKS)))
def test_green_tokens_are_the_same(mark: int) -> None:
    theirs = transformers.WatermarkLogitsProcessor(VOCABULARY, "cpu", **MARKS[mark])
    ours = g.WatermarkLogitsProcessor(VOCABULARY, "cpu", **MARKS[mark])
    for seed in range(5):
        ids = tokens(3, 4 + seed, seed)
        scores = torch.randn(3, VOCABULARY)
        torch.testing.assert_close(ours(ids, scores), theirs(ids, scores))


@pytest.mark.parametrize("mark", range(len(MARKS)))
@pytest.mark.parametrize("repeated", [False, True])
def test_the_same_is_found(mark: int, repeated: bool) -> None:
    config = transformers.GPT2Config(vocab_size=VOCABULARY, bos_token_id=1)
    theirs = transformers.generation.WatermarkDetector(
        config, "cpu", transformers.generation.WatermarkingConfig(**MARKS[mark]), repeated
    )
    ours = g.WatermarkDetector(config, "cpu", g.WatermarkingConfig(**MARKS[mark]), repeated)
    ids = tokens(4, 30) % 7
    if transformers.__version__.startswith("4.") and repeated:
        ids = tokens(1, 6)  # 4.57 tells equal n-grams apart, so that nothing is ever repeated
    for text in (ids, torch.cat([torch.ones_like(ids[:, :1]), ids], 1)):
        expected, found = theirs(text, return_dict=True), ours(text, return_dict=True)
        exact = transformers.__version__.startswith("5.")  # 4.57 estimates the p-value
        compared = vars(found) if exact else set(vars(found)) - {"p_value", "confidence"}
        for name in compared:
            theirs_value = torch.as_tensor(vars(expected)[name]).double()
            torch.testing.assert_close(vars(found)[name].double(), theirs_value)
        assert ours(text).tolist() == theirs(text).tolist()


def synthid(**more: Any) -> dict[str, Any]:
    return {"ngram_len": 4, "keys": [654, 400, 836, 123], "sampling_table_size": 2**10,
            "sampling_table_seed": 3, "context_history_size": 8, **more}  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"skip_first_ngram_calls": True}, {"debug_mode": True}])
def test_tournaments_are_the_same_step_by_step(more: dict[str, Any]) -> None:
    kinds = (transformers.generation.SynthIDTextWatermarkLogitsProcessor,
             g.SynthIDTextWatermarkLogitsProcessor)  # fmt: skip
    theirs, ours = (kind(**synthid(**more), device="cpu") for kind in kinds)
    ids = tokens(2, 3)
    for step in range(30):
        scores = torch.randn(2, VOCABULARY)
        scores[:, step] = -torch.inf
        expected = theirs(ids, scores)
        torch.testing.assert_close(ours(ids, scores), expected)
        # Few different tokens, so that contexts come up again.
        ids = torch.cat([ids, 3 + expected.argmax(-1, keepdim=True) % 2], dim=1)


@examples(30)
@given(st.integers(2, 5), st.integers(6, 20), st.integers(0, 99), st.integers(1, 12))
def test_the_mark_is_looked_for_in_the_same_way(
    ngram_len: int, length: int, seed: int, history: int
) -> None:
    settings = synthid(ngram_len=ngram_len, context_history_size=history)
    theirs = transformers.generation.SynthIDTextWatermarkLogitsProcessor(**settings, device="cpu")
    ours = g.SynthIDTextWatermarkLogitsProcessor(**settings)
    ids = tokens(2, length, seed) % 4
    assert torch.equal(ours.compute_g_values(ids), theirs.compute_g_values(ids))
    assert torch.equal(
        ours.compute_context_repetition_mask(ids), theirs.compute_context_repetition_mask(ids)
    )
    assert torch.equal(ours.compute_eos_token_mask(ids, 2), theirs.compute_eos_token_mask(ids, 2))
    assert ours.expected_mean_g_value(50) == theirs.expected_mean_g_value(50)


def test_a_trained_detector_says_the_same(tmp_path: Any) -> None:
    from transformers.generation import watermarking

    theirs = watermarking.BayesianDetectorModel(
        watermarking.BayesianDetectorConfig(watermarking_depth=4, base_rate=0.3)
    )
    with torch.no_grad():
        theirs.likelihood_model_watermarked.delta.normal_(0.0, 0.5)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = watermark_detector.BayesianDetectorModel.from_pretrained(tmp_path / "theirs")
    g_values = torch.randint(0, 2, (3, 7, 4))
    mask = torch.rand(3, 7) > 0.3
    labels = torch.tensor([0.0, 1.0, 1.0])
    for more in ({}, {"labels": labels}, {"labels": labels, "loss_batch_weight": 0.1}):
        for ours_part, theirs_part in zip(
            ours(g_values, mask, **more), theirs(g_values, mask, **more), strict=True
        ):
            torch.testing.assert_close(ours_part, theirs_part)
    detectors = (
        (transformers.generation.SynthIDTextWatermarkDetector, theirs,
         transformers.generation.SynthIDTextWatermarkLogitsProcessor),
        (g.SynthIDTextWatermarkDetector, ours, g.SynthIDTextWatermarkLogitsProcessor),
    )  # fmt: skip

    class Tokenizer:
        eos_token_id = 2

    found = [
        detector(module, processor(**synthid(), device="cpu"), Tokenizer())(tokens(3, 12) % 9)[0]
        for detector, module, processor in detectors
    ]
    torch.testing.assert_close(*found)
    ours.save_pretrained(tmp_path / "ours")
    again = watermarking.BayesianDetectorModel.from_pretrained(tmp_path / "ours")
    torch.testing.assert_close(again(g_values, mask)[0], ours(g_values, mask)[0])


@pytest.mark.parametrize("kind", ["WatermarkingConfig", "SynthIDTextWatermarkingConfig"])
def test_generated_text_is_the_same(kind: str) -> None:
    settings = {"bias": 3.0} if kind == "WatermarkingConfig" else synthid()
    from automodel_t5 import T5Config, T5ForConditionalGeneration

    small = {
        "vocab_size": VOCABULARY, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2,
        "num_heads": 2, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    torch.manual_seed(0)
    reference = transformers.T5ForConditionalGeneration(transformers.T5Config(**small)).eval()
    model = T5ForConditionalGeneration(T5Config(**small)).eval()
    model.load_hub_state_dict(reference.state_dict())
    results = []
    for candidate, config in (
        (reference, getattr(transformers.generation, kind)(**settings)),
        (model, getattr(g, kind)(**settings)),
        (model, settings),
        (model, getattr(transformers.generation, kind)(**settings)),
    ):
        torch.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(
                candidate.generate(
                    tokens(2, 6), watermarking_config=config, do_sample=True, max_new_tokens=12
                ).tolist()
            )
    assert all(found == results[0] for found in results)
