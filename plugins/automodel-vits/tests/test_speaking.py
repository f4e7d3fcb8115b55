"""VITS by a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import pipeline
from automodel_core.errors import InputError
from automodel_vits import VitsConfig, VitsModel

LETTERS = "k abcdefghijlmnopqrstuvwxyz"
TINY: dict[str, Any] = {
    "vocab_size": 27, "hidden_size": 8, "num_hidden_layers": 1, "ffn_dim": 8, "flow_size": 4,
    "spectrogram_bins": 5, "upsample_initial_channel": 8, "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4], "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]], "duration_predictor_num_flows": 1,
    "depth_separable_num_layers": 1, "prior_encoder_num_flows": 1,
    "prior_encoder_num_wavenet_layers": 1, "posterior_encoder_num_wavenet_layers": 1,
    "sampling_rate": 8000,
}  # fmt: skip


@pytest.fixture
def voice(tmp_path: Path) -> str:
    torch.manual_seed(0)
    VitsModel(VitsConfig(**TINY)).save_pretrained(tmp_path / "voice")
    ids = {letter: index for index, letter in enumerate(LETTERS)}
    (tmp_path / "voice" / "vocab.json").write_text(json.dumps(ids))
    settings = {"tokenizer_class": "VitsTokenizer", "phonemize": False, "pad_token": "k"}
    (tmp_path / "voice" / "tokenizer_config.json").write_text(json.dumps(settings))
    return str(tmp_path / "voice")


def test_a_pipeline_speaks(voice: str) -> None:
    speak: Any = pipeline(model=voice, task="text-to-speech", device="cpu")
    first, second = (speak("a dog", forward_params={"seed": 4}) for _ in range(2))
    assert first["sampling_rate"] == 8000
    assert first["audio"].tolist() == second["audio"].tolist()
    slow = speak("a dog", forward_params={"seed": 4, "speaking_rate": 0.2})
    assert len(slow["audio"]) > len(first["audio"])
    for wrong, message in ((7, "a text is spoken"), ("!?", "nothing of '!\\?' can be spoken")):
        with pytest.raises(InputError, match=message):
            speak(wrong)
    with pytest.raises(InputError, match="leave out vocoder="):
        pipeline("text-to-speech", model=voice, vocoder="some/vocoder")
