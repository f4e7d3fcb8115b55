"""The first step of a load: find the checkpoint, and read its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from typing import Any

from automodel_core.auto.arguments import config_keys, pop_choice
from automodel_core.auto.config_class import config_class_of
from automodel_core.errors import InputError, did_you_mean, shown
from automodel_core.modeling.pretrained.request import LoadRequest

__all__ = ["open_request", "refuse_unused"]


def open_request(
    name: str | os.PathLike[str] | None,
    model_args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    task: str | None = None,
) -> LoadRequest:
    """Find a checkpoint and read its configuration; bad arguments are refused first."""
    rest = dict(kwargs)
    plugin, model_type = pop_choice(rest, "plugin"), pop_choice(rest, "model_type")
    if task == "backbone":
        _refuse_timm(rest)
    class_of = partial(config_class_of, model_type=model_type, plugin=plugin)
    return LoadRequest.open(name, model_args, rest, class_of, task=task, plugin=plugin)


def refuse_unused(model_class: type[Any], request: LoadRequest) -> None:
    """Raise for arguments that neither the configuration nor the model takes, before any weight."""
    if not request.model_kwargs:
        return
    parameters = signature(model_class).parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return
    for key in request.model_kwargs.keys() - {parameter.name for parameter in parameters}:
        known = config_keys(request.config)
        raise TypeError(
            f"{model_class.__name__} has no use for {shown(key)}, and "
            f"{type(request.config).__name__} has no such key{did_you_mean(key, known)}"
        )


def _refuse_timm(kwargs: dict[str, Any]) -> None:
    """Take out the arguments that choose between timm and checkpoints, which are all there are."""
    kwargs.pop("use_pretrained_backbone", None)
    if kwargs.pop("use_timm_backbone", None):
        raise InputError(
            "use_timm_backbone=True: timm's models are not loaded; name a checkpoint whose "
            "architecture serves the task backbone ('automodel-core list' shows which do)"
        )
