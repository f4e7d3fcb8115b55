"""What every ``AutoModelFor...`` class does: from a checkpoint or a config to the right model."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from automodel_core import registry
from automodel_core.auto.arguments import (
    closest,
    config_keys,
    no_direct_construction,
    own_arguments,
)
from automodel_core.errors import InputError, UnsupportedTaskError, shown

if TYPE_CHECKING:
    from automodel_core.auto.plan import ModelPlan
    from automodel_core.checkpoint.places.options import HubOptions
    from automodel_core.checkpoint.places.source import CheckpointFiles
    from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["AutoModelBase", "Opened", "hub_arguments", "split_loading"]


class AutoModelBase:
    """Base of the Auto classes of models.

    A subclass states its task: ``class AutoModelForX(AutoModelBase, task="x")``.
    """

    task: ClassVar[str]
    other_tasks: ClassVar[tuple[str, ...]] = ()
    """Tasks under other names for the same thing; asked where `task` is not served."""

    def __init_subclass__(
        cls, task: str | None = None, other_tasks: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if task is not None:
            cls.task = task
            cls.other_tasks = other_tasks

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        constructors = ("from_pretrained(pretrained_model_name_or_path)", "from_config(config)")
        raise no_direct_construction(type(self).__name__, constructors)

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        output_loading_info: Literal[True],
        **kwargs: Any,
    ) -> tuple[PreTrainedModel, dict[str, list[Any]]]: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        output_loading_info: Literal[False] = False,
        **kwargs: Any,
    ) -> PreTrainedModel: ...

    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        output_loading_info: bool,
        **kwargs: Any,
    ) -> Any: ...

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *model_args: Any,
        **kwargs: Any,
    ) -> Any:
        """Load a checkpoint of a folder or hub repository, in evaluation mode.

        Keywords that name attributes of the configuration override them, the others go to the
        model's ``__init__``; with a ``config`` object all of them do, and it stays as it is.
        ``plugin`` chooses the distribution. How the weights are loaded (``dtype``,
        ``device_map``, ``strict``, ``output_loading_info``...) is described at
        `PreTrainedModel.from_pretrained`.
        """
        opened = Opened.of(pretrained_model_name_or_path, kwargs)
        model_class = cls._model_class(opened.config, opened.plugin)
        _check_model_arguments(model_class, opened)
        arguments = {"config": opened.config, **opened.loading, **opened.rest}
        if _is_ours(model_class):
            arguments |= {"checkpoint": opened.files, "task": cls.task}
        else:
            arguments |= hub_arguments(opened.hub, opened.files)
        return model_class.from_pretrained(pretrained_model_name_or_path, *model_args, **arguments)

    @classmethod
    def from_config(cls, config: Any, **kwargs: Any) -> PreTrainedModel:
        """Build the model of a configuration object, with new weights and in training mode.

        ``dtype``, ``attn_implementation`` and ``plugin`` apply; the others go to ``__init__``.
        """
        kwargs = own_arguments(kwargs)
        plugin = kwargs.pop("plugin", None)
        _check_config(config, f"{cls.__name__}.from_config")
        model_class = cls._model_class(config, plugin)
        build = model_class.from_config if _is_ours(model_class) else model_class
        model: PreTrainedModel = build(config, **kwargs)
        return model

    @classmethod
    def register(
        cls, config_class: type[Any], model_class: type[Any], exist_ok: bool = False
    ) -> None:
        """Let this process find ``model_class`` for configurations of ``config_class``.

        Raises `RegistrationError` if there is a model already, unless ``exist_ok``, and if
        ``model_class.config_class`` is another class.
        """
        registry.register_model(cls.task, config_class, model_class, exist_ok=exist_ok)

    @classmethod
    def plan(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> ModelPlan:
        """Say what `from_pretrained` would do with these arguments, from headers alone.

        No weight is read or fetched, and torch is not imported until the plan is asked for the
        names of weights that do not fit.
        """
        from automodel_core.auto.plan import plan_model

        opened = Opened.of(pretrained_model_name_or_path, kwargs)
        if opened.files is None:
            raise InputError("a plan needs the name of a checkpoint")
        for task in cls._tasks(opened.config, opened.plugin):
            reference = registry.model_reference(opened.config, task, plugin=opened.plugin)
            return plan_model(cls.__name__, task, reference, opened)
        raise cls._unsupported(opened.config, opened.plugin)

    @classmethod
    def _model_class(cls, config: Any, plugin: str | None) -> Any:
        """Return the class for a config; of several, the one that its ``architectures`` name."""
        found = [
            registry.model_class(config, task, plugin=plugin) for task in cls._tasks(config, plugin)
        ]
        if not found:
            raise cls._unsupported(config, plugin)
        named = vars(config).get("architectures") or ()
        return next((model for model in found if model.__name__ in named), found[0])

    @classmethod
    def _tasks(cls, config: Any, plugin: str | None) -> list[str]:
        """Return which of this class's tasks the config's architecture serves."""
        tasks = (cls.task, *cls.other_tasks)
        return [task for task in tasks if registry.serves(config, task, plugin=plugin)]

    @classmethod
    def _unsupported(cls, config: Any, plugin: str | None) -> Exception:
        try:
            registry.model_reference(config, cls.task, plugin=plugin)
        except UnsupportedTaskError as error:
            return error
        return UnsupportedTaskError(f"{cls.__name__} serves no {type(config).__name__}")


@dataclass(frozen=True)
class Opened:
    """A checkpoint that was found, at one revision, its configuration, and the arguments."""

    name: str | os.PathLike[str] | None
    files: CheckpointFiles | None
    config: Any
    plugin: str | None
    hub: HubOptions
    loading: Mapping[str, Any]
    """Arguments that say how to load the weights."""
    rest: Mapping[str, Any]
    """Arguments for the model's ``__init__``."""

    @classmethod
    def of(cls, name: str | os.PathLike[str] | None, kwargs: Mapping[str, Any]) -> Opened:
        """Find a checkpoint and read its configuration; bad arguments are refused first."""
        from automodel_core.auto.reading import build_config, config_values, read_config
        from automodel_core.checkpoint.places.options import HubOptions
        from automodel_core.checkpoint.places.source import open_checkpoint

        kwargs = own_arguments(kwargs)
        config = kwargs.pop("config", None)
        plugin = kwargs.pop("plugin", None)
        model_type = kwargs.pop("model_type", None)
        loading, kwargs = split_loading(kwargs)
        hub, rest = HubOptions.split(kwargs)
        if config is not None and not isinstance(config, str | os.PathLike):
            _check_config(config, "config=")
            files = None if name is None else open_checkpoint(name, hub)
        elif config is not None:
            config, rest = read_config(config, hub, rest, model_type=model_type, plugin=plugin)
            files = None if name is None else open_checkpoint(name, hub)
        elif name is None:
            raise InputError("give the name of a checkpoint, or config= and state_dict=")
        else:
            files = open_checkpoint(name, hub)
            config, rest = build_config(
                config_values(files), name, files, rest, model_type=model_type, plugin=plugin
            )
        return cls(name, files, config, plugin, hub, loading, rest)


def hub_arguments(options: HubOptions, files: CheckpointFiles | None) -> dict[str, Any]:
    """Return the hub options for a class that opens a checkpoint itself, at the same commit."""
    defaults = type(options)()
    chosen = {
        f.name: value
        for f in fields(options)
        if (value := vars(options)[f.name]) != vars(defaults)[f.name]
    }
    if files is not None and files.commit is not None:
        chosen["revision"] = files.commit
    return chosen


def split_loading(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments that say how to load weights, checked, and the others."""
    from automodel_core.modeling.pretrained.options import NOT_OFFERED, WITHOUT_EFFECT, LoadOptions

    LoadOptions.split(kwargs)
    names = {*(f.name for f in fields(LoadOptions)), *NOT_OFFERED, *WITHOUT_EFFECT, "torch_dtype"}
    loading = {key: value for key, value in kwargs.items() if key in names}
    return loading, {key: value for key, value in kwargs.items() if key not in names}


def _check_config(config: Any, where: str) -> None:
    if isinstance(config, str | os.PathLike | Mapping):
        raise InputError(
            f"{where} takes a configuration object, got {shown(config)}; make one with "
            "AutoConfig.from_pretrained(name) or AutoConfig.for_model(model_type, ...)"
        )


def _check_model_arguments(model_class: type[Any], opened: Opened) -> None:
    """Refuse arguments that neither the configuration nor the model takes, before any weight."""
    parameters = signature(model_class).parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    for key in opened.rest.keys() - {parameter.name for parameter in parameters}:
        known = config_keys(opened.config)
        raise TypeError(
            f"{model_class.__name__} has no use for {shown(key)}, and "
            f"{type(opened.config).__name__} has no such key{closest(key, known)}"
        )


def _is_ours(model_class: type[Any]) -> bool:
    """Return whether a class derives from `PreTrainedModel`, which is imported if one does."""
    base = sys.modules.get("automodel_core.modeling.pretrained.base")
    return base is not None and issubclass(model_class, base.PreTrainedModel)
