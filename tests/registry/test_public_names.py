"""What ``automodel_core`` and its registry export, and that it comes lazily."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import automodel_core
from automodel_core import auto, generation, registry
from automodel_core.exports import stub_names
from automodel_core.registry import hookspecs
from automodel_core.registry.manifest import HOOKS
from automodel_core.registry.task_table import OTHER_BACKENDS, TASK_TABLE


def test_every_name_is_listed_once() -> None:
    names = automodel_core.__all__
    assert len(names) == len(set(names))
    assert {auto_class for _, auto_class, _ in TASK_TABLE} <= set(names)
    assert {"AutoConfig", "AutoTokenizer", "AutoImageProcessor", "AutoFeatureExtractor"} <= set(
        names
    )
    assert {"AutoProcessor", "hookimpl", "Architecture", "Head", "Task", "__version__"} <= set(
        names
    )
    assert set(OTHER_BACKENDS) <= set(names)
    assert set(names) <= set(dir(automodel_core))


def test_the_auto_classes_of_the_stub_are_those_of_the_table() -> None:
    stated = {name for name, (module, _) in stub_names(auto.__name__).items() if "models" in module}
    assert stated == {auto_class for _, auto_class, _ in TASK_TABLE}


def test_the_names_of_other_backends_are_those_that_users_know() -> None:
    # 21 + 13, and one that the field documented without ever having it.
    assert len(OTHER_BACKENDS) == len(set(OTHER_BACKENDS)) == 35
    torch_names = {auto_class for _, auto_class, _ in TASK_TABLE}
    assert {name.removeprefix("TF").removeprefix("Flax") for name in OTHER_BACKENDS} <= torch_names


def test_every_name_can_be_imported() -> None:
    for name in automodel_core.__all__:
        assert not isinstance(getattr(automodel_core, name), ModuleType), name


def test_names_of_decoding_are_there_too() -> None:

    known = {*generation.__all__, "Cache", "DynamicCache", "EncoderDecoderCache", "StaticCache"}
    known |= {"OffloadedCache", "QuantizedCache", "SlidingWindowCache", "BayesianDetectorModel"}
    for name in known - {"DecodingRequest", "DecodingSession", "DecodingStrategy", "grow"}:
        found = getattr(automodel_core, name)
        assert name not in automodel_core.__all__
        if name in generation.__all__:
            assert found is getattr(generation, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    for name in ("AutoModelForNothing", "nothing", "__wrapped__"):
        with pytest.raises(AttributeError, match=name):
            getattr(automodel_core, name)


def test_former_functions_of_the_registry_name_the_methods() -> None:
    for name, call in vars(registry)["_FORMER"].items():
        with pytest.raises(AttributeError, match=rf"registry\.{name} .*{re.escape(call)}"):
            getattr(registry, name)
        owner, _, method = call.partition("(")[0].partition(".")
        assert callable(getattr(getattr(registry, owner), method))


@pytest.mark.parametrize("module", [automodel_core, registry])
def test_star_gives_what_is_listed(module: ModuleType) -> None:
    space: dict[str, Any] = {}
    exec(f"from {module.__name__} import *", space)
    assert set(module.__all__) <= set(space)


def test_every_hook_is_documented_and_registration_hooks_return_the_manifest_of_the_table() -> None:
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("automodel_")}
    assert len(hooks) == 10
    assert hooks.keys() - HOOKS.keys() == {"automodel_before_load", "automodel_after_load"}
    for name, hook in hooks.items():
        assert inspect.getdoc(hook)
        if name in HOOKS:
            assert get_type_hints(hook)["return"] == Iterable[HOOKS[name]]  # type: ignore[misc]
    assert len(inspect.getsource(hookspecs).splitlines()) < 90


@pytest.mark.parametrize(
    "owner", [registry, *map(type, (registry.architectures, registry.parts, registry.plugins))]
)
def test_every_function_of_the_registry_is_documented_and_typed(owner: Any) -> None:
    for name, value in vars(owner).items():
        if inspect.isfunction(value) and not name.startswith("_"):
            assert inspect.getdoc(value), name
            assert "return" in value.__annotations__, name
