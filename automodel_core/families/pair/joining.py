"""The two sides of a composite, each loaded from a checkpoint of its own."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from automodel_core.auto.model_base import Opened, split_loading
from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.errors import InputError
from automodel_core.families.pair.configuration import SIDES, CompositeConfig
from automodel_core.families.pair.parts import decoder_class, encoder_class
from automodel_core.modeling.pretrained.base import PreTrainedModel

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
    encoder = _encoder(names[0], model_args, arguments["encoder"])
    decoder = _decoder(names[1], arguments["decoder"])
    report = _report({"encoder": encoder, "decoder": decoder})
    return LoadedSides(encoder, decoder, config_keys, report)


def _arguments(
    config_class: type[CompositeConfig], kwargs: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the arguments of each side, and the keys of the composite's own configuration."""
    own_keys = config_class._fields()
    loading, rest = split_loading(kwargs)
    shared = loading | {f.name: rest.pop(f.name) for f in fields(HubOptions) if f.name in rest}
    sides = {}
    for side in SIDES:
        prefix = f"{side}_"
        named = [key for key in rest if key.startswith(prefix) and key not in own_keys]
        sides[side] = shared | {key.removeprefix(prefix): rest.pop(key) for key in named}
    return sides, rest


def _encoder(name: Name, model_args: Sequence[Any], kwargs: dict[str, Any]) -> PreTrainedModel:
    """Return the encoder, which sees the whole input, whatever its checkpoint was trained for."""
    own_config = kwargs.get("config") is not None

    def settle(config: Any) -> None:
        if not own_config:
            config.is_decoder = config.add_cross_attention = False

    return _loaded("encoder", name, model_args, kwargs, encoder_class, settle)


def _decoder(name: Name, kwargs: dict[str, Any]) -> PreTrainedModel:
    def settle(config: Any) -> None:
        config.is_decoder = config.add_cross_attention = True

    return _loaded("decoder", name, (), kwargs, decoder_class, settle)


def _loaded(
    side: str,
    name: Name,
    model_args: Sequence[Any],
    kwargs: dict[str, Any],
    class_of: Callable[[Any, str | None], type[PreTrainedModel]],
    settle: Callable[[Any], None],
) -> PreTrainedModel:
    """Return the model of one side: the one given, or the one that a checkpoint leads to."""
    model: PreTrainedModel | None = kwargs.pop("model", None)
    if model is not None:
        return model
    if name is None:
        raise InputError(
            f"there is no {side}: give {side}_pretrained_model_name_or_path, or {side}_model="
        )
    opened = Opened.of(name, kwargs)
    config = copy.deepcopy(opened.config)
    settle(config)
    arguments = {"checkpoint": opened.files, **opened.loading, **opened.rest}
    loaded: PreTrainedModel = class_of(config, opened.plugin).from_pretrained(
        name, *model_args, config=config, **arguments
    )
    return loaded


def _report(sides: Mapping[str, PreTrainedModel]) -> LoadReport:
    """Return what became of each weight, by its name in the composite."""
    entries: dict[str, list[Any]] = {f.name: [] for f in fields(LoadReport)}
    for side, model in sides.items():
        for key, found in vars(model.load_report or LoadReport()).items():
            entries[key] += [
                f"{side}.{entry}" if isinstance(entry, str) else (f"{side}.{entry[0]}", *entry[1:])
                for entry in found
            ]
    return LoadReport(**{key: tuple(found) for key, found in entries.items()})
