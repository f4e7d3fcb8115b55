"""``automodel-core check`` runs the conformance suite without a test file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_bert import BertConfig
from automodel_core.cli import main
from automodel_core.testing.architectures.generation_checks import one_beam_is_greedy
from automodel_core.testing.architectures.properties.building import has_dropout
from automodel_core.testing.architectures.properties.writing import generates
from automodel_core.testing.architectures.training_checks import dropout_drops
from automodel_core.testing.check import Rule

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the suite check as much as is needed to see what the command prints."""
    few = (Rule(dropout_drops, has_dropout), Rule(one_beam_is_greedy, generates))
    monkeypatch.setattr("automodel_core.testing.suite.TASK_CHECKS", few)


def test_a_model_type_is_checked_with_a_guessed_configuration(capsys: Capture) -> None:
    assert main(["check", "gpt2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["gpt2"]
    assert "one_beam_is_greedy-causal-lm" in report["passed"]
    assert report["not_applicable"]["one_beam_is_greedy-base"] == "generates"
    assert report["failed"] == {}


def test_all_model_types_of_a_distribution_are_checked(capsys: Capture) -> None:
    assert main(["check", "automodel-vit"]) == 0
    said = capsys.readouterr().out
    assert "vit: " in said
    assert "deit: " in said
    assert " 0 failed" in said


def test_a_failure_is_told_and_returned(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BertConfig, "_checked", lambda config, field, value: value)
    monkeypatch.setattr(BertConfig, "validate", lambda config: None)
    tiny = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}
    (tmp_path / "tiny.json").write_text(json.dumps(tiny), "utf-8")
    assert main(["check", "bert", "--config", str(tmp_path / "tiny.json")]) == 1
    assert "FAILED config_refuses_wrong_types" in capsys.readouterr().out


def test_a_file_without_keys_is_refused(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text("[1]", "utf-8")
    assert main(["check", "bert", "--config", str(tmp_path / "tiny.json")]) == 1
    assert "must hold a JSON object" in capsys.readouterr().err


def test_an_unknown_name_is_told(capsys: Capture) -> None:
    assert main(["check", "brt"]) == 1
    assert "did you mean 'bert'" in capsys.readouterr().err
