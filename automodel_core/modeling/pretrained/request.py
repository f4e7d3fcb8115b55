"""`LoadRequest`: the arguments of ``from_pretrained``, sorted once and passed on whole."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from automodel_core.checkpoint.formats.choice import named_weight_file
from automodel_core.checkpoint.places.config_file import (
    ClassOf,
    base_of_adapter,
    build_config,
    config_values,
    read_config,
)
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError, shown
from automodel_core.modeling.pretrained.options import LoadOptions

__all__ = ["LoadRequest", "require_config"]


@dataclass(frozen=True)
class LoadRequest:
    """A checkpoint at one revision, its configuration, and how to load it.

    Without ``files``, the weights are those of ``options.state_dict``. Where the caller named an
    ``adapter``, ``files`` are those of the model that it was trained on. ``config`` has the
    caller's changes and becomes the model's own: one that the caller gave is copied.
    """

    files: CheckpointFiles | None
    config: Any
    hub: HubOptions
    options: LoadOptions
    model_args: Sequence[Any]
    """Arguments for the model's ``__init__``, as are ``model_kwargs``."""
    model_kwargs: Mapping[str, Any]
    task: str | None = None
    plugin: str | None = None
    adapter: CheckpointFiles | None = None
    config_is_given: bool = False
    """Whether the caller gave the configuration as an object."""

    @classmethod
    def open(
        cls,
        name: str | os.PathLike[str] | None,
        model_args: Sequence[Any],
        kwargs: Mapping[str, Any],
        class_of: ClassOf,
        *,
        task: str | None = None,
        plugin: str | None = None,
    ) -> LoadRequest:
        """Find a checkpoint and read its configuration, with the class that ``class_of`` chooses.

        Raises `InputError` for arguments that cannot be meant, before anything is looked for.
        """
        is_given = isinstance(kwargs.get("config"), PreTrainedConfig)
        options, rest = LoadOptions.split(kwargs)
        if name is not None and (weight_file := named_weight_file(name)) is not None:
            name, options = weight_file.parent, replace(options, weight_file=weight_file.name)
        hub, rest = HubOptions.split(rest)
        config = rest.pop("config", None)
        if (name is None) == (options.state_dict is None):
            raise InputError("give the name of a checkpoint, or state_dict= with config=, not both")
        if name is None and config is None:
            raise InputError("state_dict= needs config= with a configuration object")
        files = None if name is None else open_checkpoint(name, hub)
        adapter = None
        if files is not None and (base := base_of_adapter(files, hub)) is not None:
            files, adapter = base, files
        if isinstance(config, str | os.PathLike):
            config, rest = read_config(config, hub, rest, class_of)
        elif config is not None:
            require_config(config, "config=")
            config = copy.deepcopy(config) if isinstance(config, PreTrainedConfig) else config
        elif files is not None:
            config, rest = build_config(config_values(files), files.name, files, rest, class_of)
        if files is not None and isinstance(config, PreTrainedConfig):
            config._name_or_path = files.name
        return cls(files, config, hub, options, model_args, rest, task, plugin, adapter, is_given)

    def keywords(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the caller's ``kwargs`` for a class that opens the checkpoint itself.

        The configuration is read, its keys are taken out, and the commit is the one found.
        """
        commit = None if self.files is None else self.files.commit
        return {
            "config": self.config,
            **LoadOptions.as_given(kwargs),
            **self.model_kwargs,
            **self.hub.keywords(commit),
        }


def require_config(config: object, where: str) -> None:
    """Raise `InputError` for the name or the keys of a configuration in place of an object."""
    if isinstance(config, str | os.PathLike | Mapping):
        raise InputError(
            f"{where} takes a configuration object, got {shown(config)}; make one with "
            "AutoConfig.from_pretrained(name) or AutoConfig.for_model(model_type, ...)"
        )
