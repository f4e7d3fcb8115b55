"""`pipeline` finds task, model and components, or says what is missing."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_core
from automodel_core import TextClassificationPipeline, pipeline
from automodel_core.errors import (
    BackendUnavailableError,
    CheckpointNotFoundError,
    InputError,
    RemoteCodeRefusedError,
    UnsupportedTaskError,
)
from automodel_core.tasks import get_supported_tasks

TEXT = "a b c"


def test_a_checkpoint_is_enough(checkpoint: Path) -> None:
    found = pipeline(model=checkpoint, device="cpu")
    assert type(found) is TextClassificationPipeline
    assert found.task == "text-classification"
    assert found(TEXT) == pipeline("sentiment-analysis", str(checkpoint), device=-1)(TEXT)


def test_a_loaded_model_stays_as_it_is(model: Any, tokenizer: Any) -> None:
    model.train()
    answer = pipeline("text-classification", model=model, tokenizer=tokenizer)
    assert answer(TEXT) == answer(TEXT)
    assert model.training
    assert answer.model is model
    assert answer.dtype is torch.float32
    assert type(pipeline(model=model, tokenizer=tokenizer)) is TextClassificationPipeline
    older = TextClassificationPipeline(model, tokenizer, modelcard=None, binary_output=False)
    assert older(TEXT) == answer(TEXT)


def test_a_loaded_model_says_where_its_tokenizer_is(checkpoint: Path, model: Any) -> None:
    loaded = automodel_core.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    assert pipeline("text-classification", model=loaded)(TEXT)
    with pytest.raises(InputError, match="needs tokenizer: give tokenizer="):
        pipeline("text-classification", model=model)


def test_components_are_named_with_options(checkpoint: Path) -> None:
    given = (str(checkpoint), {"padding_side": "left"})
    answer = pipeline("text-classification", model=checkpoint, tokenizer=given)
    assert answer.tokenizer.padding_side == "left"


def test_dtype_has_an_older_name(checkpoint: Path) -> None:
    half = pipeline(model=checkpoint, torch_dtype=torch.bfloat16)
    assert half.dtype is torch.bfloat16
    assert pipeline(model=checkpoint, dtype="bfloat16").torch_dtype is torch.bfloat16
    (score,) = half(TEXT)
    assert 0 < score["score"] <= 1
    with pytest.raises(InputError, match="dtype= is given twice"):
        pipeline(model=checkpoint, dtype="bfloat16", model_kwargs={"dtype": "float16"})


def test_what_is_saved_answers_alike(checkpoint: Path, tmp_path: Path) -> None:
    answer = pipeline(model=checkpoint)
    answer.save_pretrained(tmp_path / "again")
    assert pipeline(model=tmp_path / "again")(TEXT) == answer(TEXT)


def test_a_class_of_the_caller_is_used(checkpoint: Path) -> None:
    class Loud(TextClassificationPipeline):
        def postprocess(self, chunks: Any, **options: Any) -> Any:
            return str(super().postprocess(chunks, **options)["label"]).upper()

    answer = pipeline("text-classification", model=checkpoint, pipeline_class=Loud)
    assert answer([TEXT])[0].startswith("LABEL_")


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("text-clasification", "did you mean 'text-classification'"),
        ("causal-lm", "its pipelines are text-generation"),
        ("AutoModelForMultipleChoice", "its pipelines are none: use AutoModelForMultipleChoice"),
        ("keypoint-matching", "no architecture for it is installed"),
        ("translation_en_fr", "name it like translation_en_to_fr"),
        ("fill-mask", "bert has no model for task 'fill-mask'|bert gives"),
    ],
)
def test_an_error_says_which_tasks_there_are(
    task: str, said: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if task == "fill-mask":
        serves = automodel_core.registry.architectures.serves
        monkeypatch.setattr(
            automodel_core.registry.architectures,
            "serves",
            lambda config, task, plugin=None: task != "masked-lm" and serves(config, task),
        )
    with pytest.raises(UnsupportedTaskError, match=said):
        pipeline(task, model=checkpoint)


def test_an_error_says_what_cannot_be_done(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a task or a model"):
        pipeline()
    with pytest.raises(InputError, match="tokenizer= is given without model="):
        pipeline("fill-mask", tokenizer="x")
    with pytest.raises(InputError, match=r"'translation' has no usual checkpoint.*en_to_de"):
        pipeline("translation")
    with pytest.raises(BackendUnavailableError, match="'tf' is not served"):
        pipeline(model=checkpoint, framework="tf")
    with pytest.raises(RemoteCodeRefusedError):
        pipeline(model=checkpoint, trust_remote_code=True)
    with pytest.raises(CheckpointNotFoundError):
        pipeline("fill-mask", model=tmp_path / "nothing")
    with pytest.raises(InputError, match=r"no option 'multilabel' \(did you mean 'multi_label'"):
        pipeline("zero-shot-classification", model=checkpoint)(TEXT, "x", multilabel=True)


def test_the_usual_checkpoint_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="distilroberta"):
        pipeline("fill-mask", model_kwargs={"local_files_only": True})
    assert "distilbert/distilroberta-base at revision fb53ab8" in caplog.text
    for name in ("text-to-audio", "text-to-speech"):
        with pytest.raises(OSError, match="facebook/mms-tts-eng"):
            pipeline(name, model_kwargs={"local_files_only": True})


def test_tasks_are_listed() -> None:
    tasks = get_supported_tasks()
    assert tasks == sorted(tasks)
    assert {"ner", "token-classification", "translation_XX_to_YY"} <= set(tasks)


def test_the_core_is_imported_without_tasks() -> None:
    code = (
        "import sys, automodel_core; from automodel_core import pipeline; "
        "assert 'torch' not in sys.modules and 'automodel_core.tasks.base' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_configuration_is_used_as_it_is_given(checkpoint: Path) -> None:
    config = automodel_core.AutoConfig.from_pretrained(checkpoint)
    config.id2label = {0: "one", 1: "two", 2: "three"}
    (found,) = pipeline("text-classification", model=checkpoint, config=config)(TEXT)
    assert found["label"] in ("one", "two", "three")


def test_a_processor_is_no_tokenizer_alone(checkpoint: Path) -> None:
    with pytest.raises(UnsupportedTaskError, match=r"needs a processor.*alone"):
        pipeline(
            "text-classification",
            model=checkpoint,
            pipeline_class=automodel_core.ImageTextToTextPipeline,
        )
