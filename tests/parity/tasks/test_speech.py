"""Speech of texts by a pipeline is the reference's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_core
from automodel_core.errors import InputError
from parity.vits.cases import VITS
from support.family import Case

# As transformers 4 is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

LETTERS = "k abcdefghijlmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voice")
    speakers = {"num_speakers": 3, "speaker_embedding_size": 6, "noise_scale": 0.5}
    VITS.reference(Case(speakers), "VitsModel").save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({x: i for i, x in enumerate(LETTERS)}))
    settings = {"tokenizer_class": "VitsTokenizer", "phonemize": False, "pad_token": "k"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("task", ["text-to-speech", "text-to-audio"])
def test_a_text_is_spoken(voice: Path, task: str) -> None:
    theirs = transformers.pipeline(task, model=str(voice), device="cpu")
    ours: Any = automodel_core.pipeline(task, model=voice, device="cpu")
    for given in ({}, {"forward_params": {"speaker_id": 2}}):
        torch.manual_seed(3)
        expected = theirs("a dog", **given)
        torch.manual_seed(3)
        found = ours("a dog", **given)
        assert found["sampling_rate"] == expected["sampling_rate"] == 16000
        # Transformers 4 keeps the dimension of the batch.
        assert type(found["audio"]) is type(expected["audio"])
        assert abs(found["audio"] - expected["audio"].squeeze()).max() <= 1e-4
    with pytest.raises(ValueError, match="generate"):
        theirs("a dog", generate_kwargs={"seed": 1})
    with pytest.raises(InputError, match="forward_params"):
        ours("a dog", generate_kwargs={"seed": 1})


def test_rows_of_a_batch_end_where_their_speech_does(voice: Path) -> None:
    ours: Any = automodel_core.pipeline("text-to-speech", model=voice, device="cpu")
    quiet = {"forward_params": {"noise_scale": 0.0, "noise_scale_duration": 0.0}}
    texts = ["a dog barks", "no", "the quick brown fox"]
    together = ours(texts, batch_size=3, **quiet)
    for text, row in zip(texts, together, strict=True):
        alone = ours(text, **quiet)["audio"]
        assert row["audio"].shape == alone.shape
        assert abs(row["audio"] - alone).max() <= 1e-5
