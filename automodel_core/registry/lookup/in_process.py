"""What ``AutoConfig.register`` and its like add in this process, by identity of the class."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from automodel_core.errors import RegistrationError, shown

__all__ = ["Registrations", "class_name"]

_K = TypeVar("_K")
_Change = tuple[int, dict[Any, type[Any]], Any, type[Any] | None]
"""The thread, the table, the key, and what was registered there before."""


class Registrations:
    """Three tables: model type -> config, (task, config) -> model, (kind, config) -> component."""

    def __init__(self) -> None:
        self._configs: dict[str, type[Any]] = {}
        self._models: dict[tuple[str, type[Any]], type[Any]] = {}
        self._components: dict[tuple[str, type[Any]], type[Any]] = {}
        self._changes: list[_Change] = []
        self._lock = threading.Lock()

    def model_types(self) -> tuple[str, ...]:
        """Return the registered model types."""
        with self._lock:
            return tuple(self._configs)

    def config(self, model_type: str) -> type[Any] | None:
        """Return the config class registered for a model type."""
        return self._configs.get(model_type)

    def model(self, config_class: type[Any], task: str) -> type[Any] | None:
        """Return the model registered for a config class, or for a base of the same model type."""
        return _inherited(self._models, config_class, task)

    def component(self, config_class: type[Any], kind: str) -> type[Any] | None:
        """Return the component registered for a config class, or a base of the same model type."""
        return _inherited(self._components, config_class, kind)

    def components(self, kind: str) -> tuple[type[Any], ...]:
        """Return every component of a kind that is registered."""
        with self._lock:
            return tuple(found for (name, _), found in self._components.items() if name == kind)

    def tasks(self, config_class: type[Any]) -> tuple[str, ...]:
        """Return the tasks that models are registered for."""
        with self._lock:
            return tuple(task for task, owner in self._models if owner is config_class)

    def model_types_serving(self, task: str) -> tuple[str, ...]:
        """Return the model types of the configs that a model is registered for."""
        with self._lock:
            return tuple(_model_type(owner) for name, owner in self._models if name == task)

    def add_config(self, model_type: str, config_class: type[Any], *, exist_ok: bool) -> None:
        """Register a config class; its own ``model_type`` must agree."""
        own = _model_type(config_class)
        if own != model_type:
            raise RegistrationError(
                f"{class_name(config_class)} has model_type {shown(own)}, which is not consistent "
                f"with the model type {shown(model_type)} that it is registered for; make the two "
                "equal"
            )
        what = f"a config class for model type {shown(model_type)}"
        self._add(self._configs, model_type, config_class, what, exist_ok)

    def add_model(
        self, task: str, config_class: type[Any], model_class: type[Any], *, exist_ok: bool
    ) -> None:
        """Register a model class; its ``config_class``, if it has one, must be that class."""
        self.check_model(config_class, model_class)
        what = f"a model for {class_name(config_class)} and task {shown(task)}"
        self._add(self._models, (task, config_class), model_class, what, exist_ok)

    def check_model(self, config_class: type[Any], model_class: type[Any]) -> None:
        """Raise if the model class was written for another config class."""
        _model_type(config_class)
        _require_class("a model class", model_class)
        # Models of other libraries may lack the attribute, and are welcome.
        stated = getattr(model_class, "config_class", None)
        if stated is not None and stated is not config_class:
            raise RegistrationError(
                f"{class_name(model_class)} has config_class {class_name(stated)}, which is not "
                f"consistent with {class_name(config_class)} that it is registered for; pass the "
                "config class that the model was written for"
            )

    def add_component(
        self, kind: str, config_class: type[Any], component_class: type[Any], *, exist_ok: bool
    ) -> None:
        """Register a tokenizer or processor class."""
        _model_type(config_class)
        _require_class(f"a {kind} class", component_class)
        what = f"a {kind} for {class_name(config_class)}"
        self._add(self._components, (kind, config_class), component_class, what, exist_ok)

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Take back what this thread registers inside the block, if the block raises."""
        first = len(self._changes)
        try:
            yield
        except BaseException:
            with self._lock:
                for thread, table, key, former in reversed(self._changes[first:]):
                    if thread != threading.get_ident():
                        continue
                    if former is None:
                        table.pop(key, None)
                    else:
                        table[key] = former
            raise

    def _add(
        self, table: dict[_K, type[Any]], key: _K, value: type[Any], what: str, exist_ok: bool
    ) -> None:
        with self._lock:
            former = table.get(key)
            if former is not None and not exist_ok:
                raise RegistrationError(
                    f"{what} is already registered: {class_name(former)}; pass exist_ok=True to "
                    f"replace it by {class_name(value)}"
                )
            table[key] = value
            self._changes.append((threading.get_ident(), table, key, former))


def class_name(value: object) -> str:
    """Return a class as ``module.Class``, anything else as it prints."""
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else shown(value)


def _inherited(
    table: dict[tuple[str, type[Any]], type[Any]], config_class: type[Any], name: str
) -> type[Any] | None:
    for base in config_class.__mro__:
        found = table.get((name, base))
        if found is not None and _model_type(base) == _model_type(config_class):
            return found
    return None


def _model_type(config_class: type[Any]) -> str:
    _require_class("a config class", config_class)
    model_type = getattr(config_class, "model_type", None)
    if not isinstance(model_type, str) or not model_type:
        raise RegistrationError(
            f"{class_name(config_class)} has no model_type; give the class one, a string"
        )
    return model_type


def _require_class(what: str, value: object) -> None:
    if not isinstance(value, type):
        raise RegistrationError(f"{what} is expected, got {shown(value)}")
