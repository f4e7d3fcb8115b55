"""Every plugin equals what the command ``reference`` records of transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

from automodel_core import registry
from automodel_core.testing import Subject, checks_of
from automodel_core.testing.reference import record
from automodel_core.testing.report import run
from automodel_core.testing.tiny import decoder_tasks, tiny
from support.parity import IS_5

COMPOSITES = {"encoder-decoder", "speech-encoder-decoder", "vision-encoder-decoder"}
"""Their configurations are two others, whose plugins are compared one by one and together."""
SHUFFLED = "the reference shuffles patches"
READS_STATES = {"speecht5"}
"""Their bare models read states, which no guessed input is; they are compared elsewhere."""
WITHOUT_STATES = "the reference takes decoder_inputs_embeds and ignores them"
DIFFERENT = {
    "maskformer": {
        f"equals_the_reference-{task}": WITHOUT_STATES
        for task in ("base", "instance-segmentation", "universal-segmentation")
    },
    "maskformer-swin": {
        "equals_the_reference-backbone": "the reference's hidden states are rows, those here maps"
    },
    "superpoint": {
        f"equals_the_reference-{task}": "the reference keeps points near two borders"
        for task in ("base", "keypoint-detection")
    },
    "table-transformer": {
        f"equals_the_reference-{task}": WITHOUT_STATES for task in ("base", "object-detection")
    },
    "vilt": {
        f"equals_the_reference-{task}": SHUFFLED
        for task in ("base", "masked-lm", "token-classification", "visual-question-answering")
    },
    "vits": {
        f"equals_the_reference-{task}": "its speech is drawn by chance"
        for task in ("base", "text-to-waveform")
    },
    "mt5": {
        "defaults_are_those_of_the_reference": "version 5 ties by default, version 4 and T5 1.1 not"
    },
    "prophetnet": {
        "equals_the_reference-causal-lm": "a whole pass of the reference is another than its steps"
    },
}
PLUGINS = [record for record in registry.plugins.records() if record.is_architecture]
MODEL_TYPES = sorted(
    {name for record in PLUGINS for name in record.names} - COMPOSITES - READS_STATES
)

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning")
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_plugin_equals_its_reference(model_type: str, tmp_path: Path) -> None:
    values = tiny(model_type)
    tasks = decoder_tasks(model_type) or {}
    folder = tmp_path / "reference"
    written = record(Subject(model_type, values, tasks), folder)
    assert written
    checks = checks_of(model_type, values, task_configs=tasks, reference=folder)
    compared = {check.subject.task for check in checks if "equals_the" in check.id}
    assert compared == set(written)
    only = tuple(check for check in checks if "reference" in check.id)
    report = run(only, {}, DIFFERENT.get(model_type))
    assert not report.failed, str(report)
