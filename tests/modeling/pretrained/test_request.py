"""A load request: what the caller of from_pretrained said, sorted once."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from automodel_core.auto import model_base
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.errors import CheckpointNotFoundError, InputError
from automodel_core.modeling.pretrained import base
from automodel_core.modeling.pretrained.options import LoadOptions
from automodel_core.modeling.pretrained.request import LoadRequest
from support.tiny_lm import TinyConfig, TinyForTokenClassification, drawn


def opened(name: Path | None, **kwargs: Any) -> LoadRequest:
    return LoadRequest.open(name, (7,), kwargs, lambda values: TinyConfig)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawn(TinyForTokenClassification).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_every_argument_has_one_place(folder: Path) -> None:
    request = opened(
        folder,
        torch_dtype="float64",
        revision="main",
        output_attentions=True,
        scale=2.0,
        low_cpu_mem_usage=True,
        trust_remote_code=False,
        _from_auto=True,
    )
    assert request.files is not None
    assert request.files.name == str(folder)
    assert request.options.dtype == "float64"
    assert request.hub.revision == "main"
    assert request.config.output_attentions
    assert (request.model_args, request.model_kwargs) == ((7,), {"scale": 2.0})
    with pytest.raises(FrozenInstanceError):
        request.task = "base"  # type: ignore[misc]


def test_a_given_configuration_is_copied(folder: Path) -> None:
    config = TinyConfig(num_labels=3)
    request = opened(folder, config=config, num_labels=5)
    assert request.config == config
    assert request.config is not config
    assert request.config.name_or_path == str(folder)
    assert config.name_or_path == ""
    assert request.model_kwargs == {"num_labels": 5}


def test_a_configuration_elsewhere_is_looked_for_in_the_same_subfolder(tmp_path: Path) -> None:
    for name, labels in (("weights", 2), ("settings", 3)):
        config = TinyConfig(num_labels=labels)
        TinyForTokenClassification(config).save_pretrained(tmp_path / name / "part")
    where = {"config": tmp_path / "settings", "subfolder": "part"}
    assert opened(tmp_path / "weights", **where).config.num_labels == 3


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (None, {}, "not both"),
        (Path("nowhere"), {"state_dict": {}}, "not both"),
        (None, {"state_dict": {}}, "needs config="),
        (Path("nowhere"), {"gguf_file": "x"}, "gguf_file= is not supported"),
        (Path("nowhere"), {"revision": "../x"}, "revision must be"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_looked_for(
    name: Path | None, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        opened(name, **arguments)
    with pytest.raises(CheckpointNotFoundError):
        opened(Path("nowhere"))


def test_keys_of_a_configuration_are_no_configuration(folder: Path) -> None:
    with pytest.raises(InputError, match="config= takes a configuration object"):
        opened(folder, config={"num_labels": 3})


def test_a_class_that_opens_checkpoints_itself_gets_what_the_caller_gave(folder: Path) -> None:
    given = {"dtype": "auto", "num_labels": 3, "revision": "main", "own": 1, "max_memory": None}
    request = opened(folder, **given)
    assert request.keywords(given) == {
        "config": request.config,
        "dtype": "auto",
        "max_memory": None,
        "own": 1,
        "revision": "main",
    }


@pytest.mark.parametrize(
    ("module", "others"),
    [(base, {"config"}), (model_base, {"config", "plugin", "model_type"})],
    ids=["model classes", "Auto classes"],
)
def test_editors_are_told_every_argument(module: ModuleType, others: set[str]) -> None:
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    signatures = [
        {argument.arg for argument in node.args.kwonlyargs}
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == "from_pretrained"
    ]
    options = {*LoadOptions.arguments(), *(f.name for f in fields(HubOptions))}
    assert max(signatures, key=len) == options - {"proxies"} | {"torch_dtype"} | others
