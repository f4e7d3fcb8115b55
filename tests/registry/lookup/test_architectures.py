"""From a model type or a config to classes, and what is said when that cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from automodel_core.errors import (
    InputError,
    PluginBrokenError,
    PluginConflictError,
    PluginDisabledError,
    PluginNotInstalledError,
    UnknownModelTypeError,
    UnsupportedTaskError,
)
from automodel_core.registry import hints
from automodel_core.registry.hints import Known
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.state import PluginState

PREFER = "AUTOMODEL_PREFER"


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "first": Known("automodel-first", ("base", "causal-lm")),
        "second": Known("automodel-second", ("base",)),
    }
    monkeypatch.setattr(hints, "catalogue", lambda: known)


class NewModel:
    """A model of another library."""


def state(registry: Any, distribution: str) -> PluginState:
    (found,) = [r.state for r in registry.plugins.records() if r.distribution == distribution]
    return found


def test_classes_come_from_the_plugin(site: Any) -> None:
    package = site.architecture("fake-one", "one")
    registry = site.registry().architectures
    config = registry.config_class("one")()
    assert type(config).__module__ == f"{package}.classes"
    assert registry.model_class(config, "causal-lm").__name__ == "LanguageModel"
    assert registry.component_class(config, "tokenizer").__name__ == "Tokenizer"
    assert registry.component_class(config, "processor") is None
    assert registry.provider(config) == "fake-one"


def test_a_model_is_named_without_being_imported(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    config = registry.config_class("one")()
    assert registry.model_reference(config, "causal-lm") == "fake_one.classes:LanguageModel"
    registry.register_model("masked-lm", type(config), NewModel, exist_ok=False)
    assert registry.model_reference(config, "masked-lm").endswith(":NewModel")


def test_an_alias_is_a_model_type_of_its_own(site: Any) -> None:
    package = site.architecture("fake-one", "one", arguments='aliases=("uno",),')
    site.metadata("fake-uno", {"automodel.architectures": {"uno": f"{package}.plugin"}})
    assert site.registry().architectures.get("uno").model_type == "one"


def test_a_reference_that_names_no_class_is_the_plugins_fault(site: Any) -> None:
    package = site.architecture("fake-one", "one")
    site.module(f"{package}.classes", "Config = 3")
    with pytest.raises(PluginBrokenError, match=r"fake-one 1\.0.*not a class"):
        site.registry().architectures.config_class("one")


# Conflicts


def test_two_claimants_are_an_error_when_the_name_is_used(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("other-one", "one")
    site.architecture("fake-two", "two")
    registry = site.registry()
    assert registry.architectures.model_types() == ("one", "two")
    assert registry.architectures.get("two").model_type == "two"
    with pytest.raises(PluginConflictError) as caught:
        registry.architectures.get("one")
    for part in (
        "fake-one 1.0 and other-one 1.0",
        "plugin='fake-one'",
        f"{PREFER}=one=fake-one",
        "pip uninstall other-one",
    ):
        assert part in str(caught.value)
    assert state(registry, "fake-one") is PluginState.CONFLICT


def test_the_plugin_argument_settles_a_conflict(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("other-one", "one")
    registry = site.registry().architectures
    assert registry.get("one", plugin="Other_One").config == "other_one.classes:Config"
    with pytest.raises(PluginNotInstalledError, match=r"plugin='third-one'.*fake-one, other-one"):
        registry.get("one", plugin="third-one")


def test_a_preference_settles_a_conflict(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("other-one", "one")
    registry = site.registry(**{PREFER: "one=other-one"})
    assert registry.architectures.get("one").config == "other_one.classes:Config"
    assert state(registry, "other-one") is PluginState.LOADED
    assert registry.architectures.get("one", plugin="fake-one").config == "fake_one.classes:Config"


def test_a_preference_for_what_is_not_there_is_said(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry(**{PREFER: "one=absent-one"}).architectures
    with pytest.raises(PluginNotInstalledError, match="pip install absent-one"):
        registry.get("one")


def test_disabling_one_claimant_settles_a_conflict(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("other-one", "one")
    registry = site.registry(AUTOMODEL_DISABLED_PLUGINS="fake-one")
    assert registry.architectures.get("one").config == "other_one.classes:Config"


def test_a_config_brings_its_own_plugin_whatever_is_preferred(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("other-one", "one")
    config = resolve("fake_one.classes:Config")()  # type: ignore[operator]
    for environment in ({}, {PREFER: "one=other-one"}):
        registry = site.registry(**environment).architectures
        assert registry.model_class(config, "base").__module__ == "fake_one.classes"
        assert registry.provider(config) == "fake-one"


def test_strict_raises_conflicts_at_the_scan(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.registry(AUTOMODEL_STRICT_PLUGINS="1")
    site.architecture("other-one", "one")
    site.registry(AUTOMODEL_STRICT_PLUGINS="0")
    with pytest.raises(PluginConflictError, match=r"fake-one 1\.0 and other-one 1.0"):
        site.registry(AUTOMODEL_STRICT_PLUGINS="1")
    site.metadata("leftover", {"automodel.architectures": {"x": "y"}}, named=False)
    with pytest.raises(PluginBrokenError, match=r"leftover-1\.0\.dist-info"):
        site.registry(AUTOMODEL_STRICT_PLUGINS="1")


def test_metadata_without_a_name_does_not_make_a_conflict(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.metadata("gone", {"automodel.architectures": {"one": "x", "two": "x"}}, named=False)
    registry = site.registry().architectures
    assert registry.get("one").model_type == "one"
    with pytest.raises(PluginBrokenError, match=r"gone-1\.0\.dist-info"):
        registry.get("two")


# What cannot be used


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AUTOMODEL_DISABLED_PLUGINS", "fake-one"),
        ("AUTOMODEL_DISABLED_PLUGINS", "one"),
        ("AUTOMODEL_PLUGINS", ""),
        ("AUTOMODEL_PLUGINS", "two"),
    ],
)
def test_a_disabled_plugin_is_not_imported_and_names_the_variable(
    site: Any, variable: str, value: str
) -> None:
    site.architecture("fake-one", "one", body="raise AssertionError('imported')")
    registry = site.registry(**{variable: value})
    assert registry.architectures.model_types() == ()
    for plugin in (None, "fake-one"):
        with pytest.raises(PluginDisabledError, match=variable):
            registry.architectures.get("one", plugin=plugin)
    registry.plugins.load_all()
    assert state(registry, "fake-one") is PluginState.DISABLED


@pytest.mark.usefixtures("catalogue")
def test_a_missing_plugin_is_named_with_the_command(site: Any) -> None:
    registry = site.registry().architectures
    with pytest.raises(PluginNotInstalledError) as caught:
        registry.get("first", checkpoint="org/first-small")
    assert str(caught.value) == (
        "checkpoint 'org/first-small' has model type 'first', provided by automodel-first, which "
        "is not installed; run: pip install automodel-first"
    )


@pytest.mark.usefixtures("catalogue")
def test_an_older_version_of_the_right_plugin_is_told_from_none(site: Any) -> None:
    site.architecture("automodel-first", "zero")
    with pytest.raises(PluginNotInstalledError, match=r"older version.*install -U automodel-first"):
        site.registry().architectures.get("first")


@pytest.mark.usefixtures("catalogue")
def test_an_unknown_model_type_comes_with_close_matches_and_no_made_up_name(site: Any) -> None:
    site.architecture("fake-one", "firsts")
    with pytest.raises(UnknownModelTypeError) as caught:
        site.registry().architectures.get("firs")
    said = str(caught.value)
    assert not isinstance(caught.value, PluginNotInstalledError)
    assert "did you mean 'first' or 'firsts'?" in said
    assert "installed are: firsts" in said
    assert "upgrade" not in said
    assert "pip install" not in said


@pytest.mark.usefixtures("catalogue")
def test_one_line_installs_both_halves_of_a_composite(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    registry.require("one", "one")
    with pytest.raises(PluginNotInstalledError, match=r"automodel-first automodel-second$"):
        registry.require("first", "one", "second", checkpoint="pair")
    with pytest.raises(UnknownModelTypeError, match="'third', which no installed plugin"):
        registry.require("first", "third")


@pytest.mark.usefixtures("catalogue")
def test_the_hint_is_one_sentence_for_every_state(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("fake-two", "two")
    registry = site.registry(AUTOMODEL_DISABLED_PLUGINS="two").architectures
    registry.register_config("here", type("Here", (), {"model_type": "here"}), exist_ok=False)
    assert "provided by plugin fake-one 1.0" in registry.installed_hint("one")
    assert "AUTOMODEL_DISABLED_PLUGINS" in registry.installed_hint("two")
    assert "pip install automodel-first" in registry.installed_hint("first")
    assert "registered in this process" in registry.installed_hint("here")


@pytest.mark.usefixtures("catalogue")
def test_a_wrong_task_says_what_there_is_and_what_to_install(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.architecture("fake-two", "two", body="raise ImportError")
    registry = site.registry().architectures
    config = registry.config_class("one")()
    with pytest.raises(UnsupportedTaskError) as caught:
        registry.model_class(config, "masked-lm")
    said = str(caught.value)
    assert "Unrecognized configuration class fake_one.classes.Config" in said
    assert "AutoModelForMaskedLM" in said
    assert "model type 'one' provides base, causal-lm" in said
    assert "No installed plugin serves this task" in said
    assert registry.serving("causal-lm") == ("one",)
    other = type("Other", (), {"model_type": "other"})()
    with pytest.raises(UnsupportedTaskError) as caught:
        registry.model_class(other, "causal-lm")
    assert "Model type should be one of one; others come with: pip install automodel-first" in str(
        caught.value
    )


def test_an_unknown_task_lists_the_known_ones(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    with pytest.raises(UnsupportedTaskError, match=r"task 'dreaming' is not known.*causal-lm"):
        registry.model_class(registry.config_class("one")(), "dreaming")


def test_a_foreign_class_of_the_same_model_type_is_not_taken_for_the_plugins(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    foreign = type("Config", (), {"model_type": "one"})()
    with pytest.raises(UnsupportedTaskError, match="belongs to plugin fake-one"):
        registry.model_class(foreign, "base")
    with pytest.raises(UnsupportedTaskError, match="belongs to plugin fake-one"):
        registry.component_class(foreign, "tokenizer")
    assert registry.provider(foreign) is None


def test_a_subclass_of_the_plugins_config_is_the_plugins(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    mine = type("Mine", (registry.config_class("one"),), {})()
    assert registry.model_class(mine, "base").__name__ == "Model"


@pytest.mark.parametrize("config", [None, {"model_type": "one"}, object()])
def test_what_is_no_config_is_said(site: Any, config: object) -> None:
    with pytest.raises(InputError, match="configuration with a model_type"):
        site.registry().architectures.model_class(config, "base")


def test_a_component_of_an_unknown_kind_is_said(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    with pytest.raises(InputError, match="'oracle' is not one of tokenizer"):
        registry.component_class(registry.config_class("one")(), "oracle")


# Heads of other plugins

HEAD = """
@hookimpl
def automodel_heads():
    return [Head(model_type="one", task="masked-lm", model="{package}.plugin:Masked")]

class Masked:
    pass
"""


def test_a_head_for_somebody_elses_config(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.extension("masked-head", HEAD.format(package="masked_head"))
    registry = site.registry().architectures
    config = registry.config_class("one")()
    assert registry.model_class(config, "masked-lm").__name__ == "Masked"
    assert registry.model_class(config, "masked-lm", plugin="masked-head").__name__ == "Masked"
    assert registry.serving("masked-lm") == ("one",)


def test_two_heads_for_one_task_are_an_error_when_it_is_used(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.extension("head-a", HEAD.format(package="head_a"))
    site.extension("head-b", HEAD.format(package="head_b"))
    registry = site.registry().architectures
    config = registry.config_class("one")()
    assert registry.model_class(config, "base").__name__ == "Model"
    with pytest.raises(PluginConflictError, match="'one/masked-lm' is claimed by head-a"):
        registry.model_class(config, "masked-lm")
    chosen = registry.model_class(config, "masked-lm", plugin="head-b")
    assert chosen.__module__ == "head_b.plugin"
    preferring = site.registry(**{PREFER: "one/masked-lm=head-a"}).architectures
    assert preferring.model_class(config, "masked-lm").__module__ == "head_a.plugin"


def test_the_owners_head_comes_before_anybody_elses(site: Any) -> None:
    site.architecture("fake-one", "one")
    site.extension("head-a", HEAD.format(package="head_a").replace("masked-lm", "base"))
    registry = site.registry().architectures
    config = registry.config_class("one")()
    assert registry.model_class(config, "base").__name__ == "Model"
    assert registry.model_class(config, "base", plugin="head-a").__name__ == "Masked"
    assert registry.model_class(config, "causal-lm", plugin="head-a").__name__ == "LanguageModel"
