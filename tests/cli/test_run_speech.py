"""`automodel-core run` speaks texts, and writes files of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.audio import read_audio
from automodel_core.cli import main
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


def test_a_text_becomes_a_file(voice: str, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "speech.wav"
    settings = ["--option", 'forward_params={"seed": 3}']
    assert main(["run", "text-to-speech", voice, "a dog", "--out", str(out), *settings]) == 0
    assert f"wrote {out}" in capsys.readouterr().err
    recording = read_audio(out)
    assert recording.sampling_rate == 8000
    assert recording.waveform.abs().max() > 0
    texts = ["a dog", "a cat"]
    folder = tmp_path / "speeches"
    assert main(["run", "text-to-speech", voice, *texts, "--out", str(folder), "--json"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["answer-0.wav", "answer-1.wav"]
    told = json.loads(capsys.readouterr().out)["answers"]
    assert [set(each["result"]) for each in told] == [{"audio", "sampling_rate"}] * 2
