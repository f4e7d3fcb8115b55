"""The two sides of a composite, each loaded from a checkpoint of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from automodel_core.auto.opening import open_request
from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.errors import InputError
from automodel_core.families.pair.configuration import CompositeConfig
from automodel_core.families.pair.parts import SIDE_CLASSES
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.loading import load_model
from automodel_core.modeling.pretrained.options import LoadOptions

__all__ = ["LoadedSides", "load_sides"]

Name = str | os.PathLike[str] | None


@dataclass(frozen=True)
class LoadedSides:
    """An encoder and a decoder that are loaded, and what the composite of them needs to know."""

    encoder: PreTrainedModel
    decoder: PreTrainedModel
    config_keys: Mapping[str, Any]
    """Keys of the composite's own configuration."""
    report: LoadReport
    """What became of each weight, by its name in the composite."""


def load_sides(
    config_class: type[CompositeConfig],
    names: tuple[Name, Name],
    model_args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> LoadedSides:
    """Load both sides as `CompositeModel.from_encoder_decoder_pretrained` says."""
    arguments, config_keys = _arguments(config_class, kwargs)
    # An encoder sees the whole input, whatever its checkpoint was trained for.
    own_config = arguments["encoder"].get("config") is not None
    encoder = _load_side(
        "encoder", names[0], model_args, arguments["encoder"], None if own_config else False
    )
    decoder = _load_side("decoder", names[1], (), arguments["decoder"], True)
    report = _report("encoder", encoder) | _report("decoder", decoder)
    return LoadedSides(encoder, decoder, config_keys, report)


def _arguments(
    config_class: type[CompositeConfig], kwargs: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the arguments of each side, and the keys of the composite's own configuration."""
    own_keys = config_class._fields()
    where = {f.name for f in fields(HubOptions)}
    shared = LoadOptions.as_given(kwargs) | {k: v for k, v in kwargs.items() if k in where}
    rest = {key: value for key, value in kwargs.items() if key not in shared}
    sides = {}
    for side in config_class.sub_configs:
        prefix = f"{side}_"
        named = [key for key in rest if key.startswith(prefix) and key not in own_keys]
        sides[side] = _of_side(side, shared) | {
            key.removeprefix(prefix): rest.pop(key) for key in named
        }
    return sides, rest


def _of_side(side: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of loading, and of those that name sides what they say of one."""
    own = {
        key: value.get(side, value.get(""))
        for key in ("attn_implementation", "dtype", "torch_dtype")
        if isinstance(value := shared.get(key), Mapping)
    }
    return {**shared, **own}


def _load_side(
    side: str,
    name: Name,
    model_args: Sequence[Any],
    kwargs: dict[str, Any],
    attends: bool | None,
) -> PreTrainedModel:
    """Return the given model of one side, or that of its checkpoint.

    ``attends`` says whether it becomes a decoder with cross-attention; ``None`` changes nothing.
    """
    model: PreTrainedModel | None = kwargs.pop("model", None)
    if model is not None:
        return model
    if name is None:
        raise InputError(
            f"there is no {side}: give {side}_pretrained_model_name_or_path, or {side}_model="
        )
    request = open_request(name, model_args, kwargs)
    config = request.config
    if attends is not None:
        config.is_decoder = config.add_cross_attention = attends
    return load_model(SIDE_CLASSES[side](config, request.plugin), request)


def _report(side: str, model: PreTrainedModel) -> LoadReport:
    """Return what became of each weight of a side, by its name in the composite."""
    return (model.load_report or LoadReport()).beneath(f"{side}.")
