"""From two checkpoints to one composite."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from automodel_core.auto.model_base import Opened, split_loading
from automodel_core.checkpoint.loading.report import LoadReport
from automodel_core.checkpoint.places.source import HubOptions
from automodel_core.errors import InputError
from automodel_core.families.pair.configuration import SIDES
from automodel_core.families.pair.modeling import CompositeModel, decoder_class, encoder_class
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["join_pretrained"]

logger = logging.getLogger("automodel_core")

Name = str | os.PathLike[str] | None
Model = TypeVar("Model", bound=CompositeModel)


def join_pretrained(
    cls: type[Model], names: tuple[Name, Name], model_args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Model:
    """Do what `CompositeModel.from_encoder_decoder_pretrained` says."""
    sides, own = _sorted(cls, kwargs)
    encoder = _encoder(names[0], model_args, sides["encoder"])
    decoder = _decoder(names[1], sides["decoder"])
    kind: Any = cls.config_class
    config = kind.from_encoder_decoder_configs(encoder.config, decoder.config, **own)
    config.dtype = decoder.dtype
    model = cls(config, encoder, decoder).eval()
    model.load_report = _report(model)
    _tell_what_is_new(model)
    return model


def _sorted(
    cls: type[CompositeModel], kwargs: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the arguments of each side, and the keys of the pair's own configuration."""
    own_keys = cls.config_class._fields()
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


def _report(model: CompositeModel) -> LoadReport:
    """Return what became of each weight of the pair, by its name there."""
    entries: dict[str, list[Any]] = {f.name: [] for f in fields(LoadReport)}
    for side, part in (("encoder", model.encoder), ("decoder", model.decoder)):
        for key, found in vars(part.load_report or LoadReport()).items():
            entries[key] += [
                f"{side}.{entry}" if isinstance(entry, str) else (f"{side}.{entry[0]}", *entry[1:])
                for entry in found
            ]
    if model.enc_to_dec_proj is not None:
        new = [f"enc_to_dec_proj.{name}" for name, _ in model.enc_to_dec_proj.named_parameters()]
        entries["missing"] += new
        entries["initialised"] += new
    return LoadReport(**{key: tuple(found) for key, found in entries.items()})


def _tell_what_is_new(model: CompositeModel) -> None:
    names = model.weight_names(model.config)
    report = model.load_report or LoadReport()
    modules = [module for hub in report.initialised for module in names.to_module(hub)]
    crossing = [name for name in modules if ".cross_attn" in name]
    new = [f"the decoder's cross-attention ({len(crossing)} weights)"] if crossing else []
    new += ["enc_to_dec_proj"] if model.enc_to_dec_proj is not None else []
    if new:
        logger.warning("new values, to be trained before use: %s", " and ".join(new))
