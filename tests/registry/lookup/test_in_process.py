"""``register`` in the process: by identity of the class, and never over something by accident."""

from __future__ import annotations

from typing import Any

import pytest

from automodel_core.errors import RegistrationError, UnknownModelTypeError, UnsupportedTaskError


class NewConfig:
    model_type = "new-model"


class NewModel:
    config_class = NewConfig


class NewTokenizer:
    pass


def registered(site: Any) -> Any:
    registry = site.registry().architectures
    registry.register_config("new-model", NewConfig, exist_ok=False)
    registry.register_model("base", NewConfig, NewModel, exist_ok=False)
    registry.register_component("tokenizer", NewConfig, NewTokenizer, exist_ok=False)
    return registry


def test_what_is_registered_is_found(site: Any) -> None:
    registry = registered(site)
    assert registry.model_types() == ("new-model",)
    assert registry.config_class("new-model") is NewConfig
    assert registry.model_class(NewConfig(), "base") is NewModel
    assert registry.component_class(NewConfig(), "tokenizer") is NewTokenizer
    assert registry.component_class(NewConfig(), "processor") is None
    assert registry.provider(NewConfig()) is None
    assert registry.serving("base") == ("new-model",)
    with pytest.raises(UnknownModelTypeError, match="registered in this process"):
        registry.get("new-model")
    with pytest.raises(UnsupportedTaskError, match="provides base"):
        registry.model_class(NewConfig(), "causal-lm")


def test_twice_is_an_error_unless_it_is_meant(site: Any) -> None:
    registry = registered(site)
    with pytest.raises(RegistrationError, match="exist_ok=True"):
        registry.register_config("new-model", NewConfig, exist_ok=False)
    with pytest.raises(RegistrationError, match=r"NewModel; pass exist_ok=True"):
        registry.register_model("base", NewConfig, NewModel, exist_ok=False)
    with pytest.raises(RegistrationError, match="a tokenizer for"):
        registry.register_component("tokenizer", NewConfig, NewTokenizer, exist_ok=False)
    other = type("Other", (), {"config_class": NewConfig})
    registry.register_model("base", NewConfig, other, exist_ok=True)
    assert registry.model_class(NewConfig(), "base") is other


def test_a_registration_that_contradicts_itself_is_refused(site: Any) -> None:
    registry = site.registry().architectures
    with pytest.raises(RegistrationError, match="not consistent"):
        registry.register_config("other-model", NewConfig, exist_ok=False)
    twin = type("NewConfig", (), {"model_type": "new-model"})
    with pytest.raises(RegistrationError, match="not consistent"):
        registry.register_model("base", twin, NewModel, exist_ok=False)
    with pytest.raises(RegistrationError, match="has no model_type"):
        registry.register_config("x", object, exist_ok=False)
    with pytest.raises(RegistrationError, match="a config class is expected"):
        registry.register_config("x", "NewConfig", exist_ok=False)
    with pytest.raises(RegistrationError, match="a model class is expected"):
        registry.register_model("base", NewConfig, None, exist_ok=False)
    with pytest.raises(UnsupportedTaskError, match="'dreaming'"):
        registry.register_model("dreaming", NewConfig, NewModel, exist_ok=False)


def test_a_class_of_the_same_name_is_another_class(site: Any) -> None:
    registry = registered(site)
    twin = type("NewConfig", (), {"model_type": "new-model"})
    with pytest.raises(UnsupportedTaskError):
        registry.model_class(twin(), "base")


def test_a_subclass_finds_what_its_base_has_while_the_model_type_is_the_same(site: Any) -> None:
    registry = registered(site)
    same = type("Same", (NewConfig,), {})
    other = type("Other", (NewConfig,), {"model_type": "other"})
    assert registry.model_class(same(), "base") is NewModel
    with pytest.raises(UnsupportedTaskError):
        registry.model_class(other(), "base")


def test_a_plugins_model_type_is_replaced_only_on_purpose(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    config_class = registry.config_class("one")
    mine = type("Mine", (), {"model_type": "one"})
    with pytest.raises(RegistrationError, match="provided by plugin fake-one"):
        registry.register_config("one", mine, exist_ok=False)
    with pytest.raises(RegistrationError, match="AutoModel finds a class of plugin fake-one"):
        registry.register_model("base", config_class, NewTokenizer, exist_ok=False)
    with pytest.raises(RegistrationError, match="tokenizer"):
        registry.register_component("tokenizer", config_class, NewTokenizer, exist_ok=False)
    registry.register_config("one", mine, exist_ok=True)
    assert registry.config_class("one") is mine
    assert registry.config_class("one", plugin="fake-one") is config_class


@pytest.mark.parametrize("environment", [{}, {"AUTOMODEL_DISABLED_PLUGINS": "fake-one"}])
def test_what_replaces_a_plugins_model_type_owes_it_nothing(
    site: Any, environment: dict[str, str]
) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry(**environment).architectures
    mine = type("Mine", (), {"model_type": "one"})
    registry.register_config("one", mine, exist_ok=True)
    registry.register_model("base", mine, NewTokenizer, exist_ok=False)
    assert registry.model_class(mine(), "base") is NewTokenizer
    assert registry.component_class(mine(), "tokenizer") is None
    with pytest.raises(UnsupportedTaskError, match="model type 'one' provides base"):
        registry.model_class(mine(), "causal-lm")


def test_a_head_for_a_plugins_config(site: Any) -> None:
    site.architecture("fake-one", "one")
    registry = site.registry().architectures
    config_class = registry.config_class("one")
    registry.register_model("object-detection", config_class, NewTokenizer, exist_ok=False)
    assert registry.model_class(config_class(), "object-detection") is NewTokenizer
    assert registry.model_class(config_class(), "base").__name__ == "Model"


def test_registrations_outlive_a_new_scan(site: Any) -> None:
    registry = site.registry()
    registry.architectures.register_config("new-model", NewConfig, exist_ok=False)
    site.architecture("fake-one", "one")
    assert registry.architectures.model_types() == ("new-model",)
    registry.refresh()
    assert registry.architectures.model_types() == ("new-model", "one")
