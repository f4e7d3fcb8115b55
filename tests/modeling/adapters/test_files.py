"""An adapter's folder given to ``from_pretrained``, and models that adapters ask."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import CheckpointNotFoundError, InputError, MissingExtraError
from automodel_core.modeling.adapters.files import read
from support.tiny_lm import TinyForCausalLM, drawn


def adapter(folder: Path, base: object) -> Path:
    folder.mkdir(exist_ok=True)
    text = json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"})
    (folder / "adapter_config.json").write_text(text, "utf-8")
    return folder


def test_an_adapter_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    drawn().save_pretrained(tmp_path / "base")
    folder = adapter(tmp_path / "adapter", str(tmp_path / "base"))
    with pytest.raises(MissingExtraError, match=r"pip install automodel-core\[peft\]"):
        TinyForCausalLM.from_pretrained(folder)
    with pytest.raises(MissingExtraError, match=r"pip install automodel-core\[peft\]"):
        drawn().load_adapter(folder)


def test_an_adapter_without_a_base_says_what_to_do(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "adapter", None)
    with pytest.raises(
        CheckpointNotFoundError, match=r"then put the adapter on it with model.load"
    ):
        TinyForCausalLM.from_pretrained(folder)


def test_an_adapter_beside_a_model_is_not_loaded_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drawn().save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        TinyForCausalLM.from_pretrained(tmp_path)
        assert not caplog.records
        TinyForCausalLM.from_pretrained(adapter(tmp_path, "base"))
    assert "also holds an adapter, which is not loaded" in caplog.text


def test_files_without_weights_are_listed(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    files = open_checkpoint(adapter(tmp_path, "base"))
    with pytest.raises(CheckpointNotFoundError, match=r"neither adapter_model.safetensors nor"):
        read(files)


def test_a_model_knows_where_it_comes_from(tmp_path: Path) -> None:
    """Under the name where adapters look it up, which is no property."""
    model = drawn()
    assert vars(model)["name_or_path"] == ""
    model.save_pretrained(tmp_path)
    loaded = TinyForCausalLM.from_pretrained(tmp_path)
    assert vars(loaded)["name_or_path"] == loaded.name_or_path == str(tmp_path)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.set_adapter("one"),
        lambda model: model.active_adapters(),
        lambda model: model.disable_adapters(),
        lambda model: model.enable_adapters(),
        lambda model: model.delete_adapter("one"),
        lambda model: model.get_adapter_state_dict(),
    ],
)
def test_a_model_without_adapters_says_how_to_get_one(call: Any) -> None:
    pytest.importorskip("peft")
    with pytest.raises(InputError, match=r"no adapter on the model: model.add_adapter\(config\)"):
        call(drawn())


def test_weights_beside_an_adapter_are_not_written_as_they_are(tmp_path: Path) -> None:
    model = drawn()
    layer = model.model.stack.layers[0]
    layer.mlp.up_proj.base_layer = nn.Linear(2, 2)
    for call in (model.hub_state_dict, lambda: model.save_pretrained(tmp_path)):
        with pytest.raises(InputError, match="while an adapter is on the model: merge it"):
            call()
