"""Recognition and classification of sounds answer as the reference's pipelines do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from automodel_core import pipeline
from automodel_wav2vec2 import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Processor,
)
from parity.wav2vec2.cases import SMALL
from parity.wav2vec2.test_tokenizers import UPPER

SOUND = np.random.default_rng(1).standard_normal(16_000).astype("float32")
CALLS: dict[str, dict[str, Any]] = {
    "text": {},
    "characters": {"return_timestamps": "char"},
    "words": {"return_timestamps": "word"},
    "chunks": {"chunk_length_s": 0.3, "return_timestamps": "char"},
    "uneven overlaps": {"chunk_length_s": 0.25, "stride_length_s": (0.1, 0.05)},
    "one number": {"chunk_length_s": 0.25, "stride_length_s": 0.05, "return_timestamps": "word"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("speech")
    (place / "vocab.json").write_text(json.dumps(UPPER), encoding="utf-8")
    processor = Wav2Vec2Processor(
        Wav2Vec2FeatureExtractor(), Wav2Vec2CTCTokenizer(place / "vocab.json")
    )
    processor.save_pretrained(place)
    config = Wav2Vec2Config(**{**SMALL, "vocab_size": len(UPPER)})
    drawn(Wav2Vec2ForCTC(config)).save_pretrained(place)
    return place


@torch.no_grad()
def drawn(model: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=chance) * 0.4)
    return model


def test_recognition(folder: Path) -> None:
    ours = pipeline("automatic-speech-recognition", model=folder)
    theirs = transformers.pipeline("automatic-speech-recognition", model=str(folder))
    for call in CALLS.values():
        assert ours(SOUND, **call) == theirs(SOUND, **call)
    given = {"raw": SOUND, "sampling_rate": 16_000, "stride": (3000, 2000), "speaker": "A"}
    assert ours(dict(given)) == theirs(dict(given))
    assert ours(SOUND)["text"]


def test_classification(folder: Path, tmp_path: Path) -> None:
    drawn(Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SMALL))).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    ours = pipeline("audio-classification", model=tmp_path)
    theirs = transformers.pipeline("audio-classification", model=str(tmp_path))
    for call in ({"top_k": 2}, {"top_k": None}, {"function_to_apply": "sigmoid", "top_k": 5}):
        found, expected = ours(SOUND, **call), theirs(SOUND, **call)
        assert [one["label"] for one in found] == [one["label"] for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-6)
