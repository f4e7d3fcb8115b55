"""Manifests are checked when they are built, and are plain frozen data."""

from __future__ import annotations

import copy
import dataclasses
import multiprocessing.reduction as reduction
from typing import Any

import pytest

from automodel_core.registry.manifest import (
    Architecture,
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    Head,
    LoadContext,
    Quantizer,
    Source,
    Task,
)
from automodel_core.registry.manifest_base import FrozenTable

ARCHITECTURE: dict[str, Any] = {
    "model_type": "new-model",
    "config": "pkg.configuration:Config",
    "models": {"base": "pkg.modeling:Model"},
}


def test_a_manifest_keeps_what_it_is_given() -> None:
    built = Architecture(**ARCHITECTURE, tokenizer="pkg.text:Tokenizer", aliases=("newer-model",))
    assert built.model_types == ("new-model", "newer-model")
    assert built.component("tokenizer") == "pkg.text:Tokenizer"
    assert built.component("processor") is None
    assert dict(built.models) == ARCHITECTURE["models"]


def test_of_several_components_the_first_is_the_architectures_own() -> None:
    built = Architecture(**ARCHITECTURE, tokenizer=("pkg.text:Own", "pkg.text:Other"))
    assert built.component("tokenizer") == "pkg.text:Own"
    assert built.components("tokenizer") == ("pkg.text:Own", "pkg.text:Other")
    assert built.components("processor") == ()
    with pytest.raises(ValueError, match=r"Architecture.tokenizer must be a reference"):
        Architecture(**ARCHITECTURE, tokenizer=("pkg.text:Own", "other"))


def test_a_manifest_is_frozen_hashable_and_travels_between_processes() -> None:
    built = Architecture(**ARCHITECTURE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.model_type = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        built.models["base"] = "x:Y"  # type: ignore[index]
    assert len({built, Architecture(**ARCHITECTURE)}) == 1
    assert copy.deepcopy(built) == built
    assert reduction.ForkingPickler.loads(reduction.ForkingPickler.dumps(built)) == built
    assert repr(FrozenTable({"a": "b"})) == "FrozenTable({'a': 'b'})"


def test_later_changes_of_the_given_table_do_not_reach_the_manifest() -> None:
    models = {"base": "pkg.modeling:Model"}
    built = Architecture(**{**ARCHITECTURE, "models": models})
    models["causal-lm"] = "pkg.modeling:Other"
    assert list(built.models) == ["base"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("model_type", None, TypeError),
        ("model_type", "", ValueError),
        ("model_type", "two words", ValueError),
        ("config", "pkg.configuration.Config", ValueError),
        ("config", "pkg:", ValueError),
        ("config", "../pkg:Config", ValueError),
        ("config", type, TypeError),
        ("models", ["base"], TypeError),
        ("models", {"base": type}, TypeError),
        ("models", {"Base Task": "pkg:Model"}, ValueError),
        ("tokenizer", "Tokenizer", ValueError),
        ("aliases", "newer", TypeError),
        ("aliases", (1,), TypeError),
        ("plugin_api", "1.0", TypeError),
        ("plugin_api", (1, True), TypeError),
        ("plugin_api", (1,), TypeError),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"Architecture\.{field}"):
        Architecture(**{**ARCHITECTURE, field: value})


@pytest.mark.parametrize(
    ("build", "where"),
    [
        (lambda: Head(model_type="a", task="b", model="c"), r"Head\.model"),
        (lambda: Task(name="a", auto_class="Model", description=""), r"Task\.auto_class"),
        (lambda: Task(name="a", auto_class="a:Model", description=""), r"Task\.auto_class"),
        (lambda: Task(name="a", auto_class="a b:AutoA", description=""), r"Task\.auto_class"),
        (lambda: Task(name="a b", auto_class="AutoA", description=""), r"Task\.name"),
        (lambda: Source(name="a", opener="b:c", priority="1"), r"Source\.priority"),  # type: ignore[arg-type]
        (lambda: AttentionImplementation(name="a", function=len), r"\.function"),  # type: ignore[arg-type]
        (lambda: DecodingStrategy(name="", function="a:b"), r"DecodingStrategy\.name"),
        (lambda: Quantizer(name="a", function="a"), r"Quantizer\.function"),
        (
            lambda: CheckpointFormat(name="a", reader="b:c", weight_file="../x", safe=True),
            r"\.weight_file",
        ),
        (
            lambda: CheckpointFormat(name="a", reader="b:c", weight_file="x", safe=1),  # type: ignore[arg-type]
            r"\.safe",
        ),
        *(
            (
                lambda wrong=wrong: CheckpointFormat(
                    name="a", reader="b:c", weight_file="x", safe=True, **wrong
                ),
                rf"CheckpointFormat\.{next(iter(wrong))}",
            )
            for wrong in (
                {"framework": "a b"},
                {"translation": "a"},
                {"pattern": "a/*"},
                {"beside": 1},
            )
        ),
    ],
)
def test_the_other_manifests_check_too(build: Any, where: str) -> None:
    with pytest.raises((TypeError, ValueError), match=where):
        build()


def test_the_context_of_a_load_cannot_be_changed_by_an_observer() -> None:
    options = {"dtype": "float32"}
    context = LoadContext(
        name_or_path="x", task=None, model_type="a", model_class="b:C", options=options
    )
    options["dtype"] = "other"
    assert context.options == {"dtype": "float32"}
    with pytest.raises(TypeError):
        context.options["dtype"] = "other"  # type: ignore[index]
