"""Each Auto class loads a checkpoint of an architecture of ours as the reference's does.

The reference makes a tiny model with random weights; both sides load its files through the Auto
class, and answer the same inputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_core
from automodel_core import registry
from automodel_core.registry.task_table import TASK_TABLE
from automodel_core.testing.case import Subject
from automodel_core.testing.tiny import tiny
from parity.auto.cases import ARCHITECTURES
from support.reference import assert_close, randomise

WITHOUT_EFFECT = ("decoder_inputs_embeds",)
"""What the reference's detectors take, and do not use."""
CLASSES = {task: name for task, name, _ in TASK_TABLE if task != "backbone"}
"""The Auto classes of transformers' page, by task."""


def auto_class(library: Any, name: str, fallback: str) -> Any:
    """Return an Auto class; of one that the newest reference dropped, the model's own class."""
    return getattr(library, name if name in dir(library) else fallback)


def test_every_class_has_an_architecture() -> None:
    assert list(ARCHITECTURES) == list(CLASSES)
    assert len(CLASSES) == 37
    chosen = {each.model_type for each in ARCHITECTURES.values()}
    assert chosen <= set(registry.architectures.model_types())


@pytest.mark.filterwarnings("ignore")  # the reference about its own past and future
@pytest.mark.parametrize(("task", "name"), CLASSES.items(), ids=CLASSES.values())
@torch.no_grad()
def test_an_auto_class(task: str, name: str, tmp_path: Path) -> None:
    chosen = ARCHITECTURES[task]
    keys = {**tiny(chosen.model_type), **chosen.keys}
    subject = Subject(chosen.model_type, keys, inputs=chosen.inputs, task=task)
    subject.config().save_pretrained(tmp_path / "config")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "config")
    theirs = auto_class(transformers, name, subject.model_class.__name__)
    made = theirs.from_config(config) if "from_config" in dir(theirs) else theirs(config)
    randomise(made, spread=0.1)
    made.save_pretrained(tmp_path / "model")
    reference = theirs.from_pretrained(str(tmp_path / "model"), attn_implementation="eager")
    model = getattr(automodel_core, name).from_pretrained(tmp_path / "model")
    assert type(model).__name__ == type(reference).__name__
    assert model.load_report.complete
    example = subject.example(model.config)
    given = {key: value for key, value in example.items() if key not in WITHOUT_EFFECT}
    torch.manual_seed(5)  # some draw in evaluation, too
    found = model(**given)
    torch.manual_seed(5)
    expected = reference(**given)
    compared = [key for key, value in expected.items() if isinstance(value, Tensor)]
    assert compared
    for key in compared:
        assert_close(found[key], expected[key], key)
