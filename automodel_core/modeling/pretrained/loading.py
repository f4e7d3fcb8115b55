"""Load a model: open the files, build on the meta device, fill, report."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from automodel_core import registry
from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.quantised import is_float8
from automodel_core.checkpoint.loading.gc_pause import gc_paused
from automodel_core.checkpoint.loading.load import checkpoint_dtype, load_weights
from automodel_core.checkpoint.loading.opening import open_plain_weights
from automodel_core.checkpoint.loading.parts import Parts, every_part
from automodel_core.checkpoint.loading.placement import DISK, Placement
from automodel_core.checkpoint.loading.report import LoadReport, Origin
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    IncompleteCheckpointError,
    InputError,
    listed,
    located,
)
from automodel_core.modeling.adapters.files import read, warn_of_adapter
from automodel_core.modeling.building import build_on_meta
from automodel_core.modeling.by_part import own_choice, set_attention
from automodel_core.modeling.devices.device_maps import Weighing, modules_by_device, refuse_idle
from automodel_core.modeling.devices.offloading import dispatch
from automodel_core.modeling.devices.tensor_parallel import share_out
from automodel_core.modeling.pretrained.drawing import draw_missing, keep_weights, missing_slots
from automodel_core.modeling.pretrained.given_state import state_to_load, without_prefix
from automodel_core.modeling.pretrained.hub_state import own_tensors
from automodel_core.modeling.pretrained.options import LoadOptions, dtype_named, dtypes_of_parts
from automodel_core.modeling.pretrained.request import LoadRequest
from automodel_core.modeling.pretrained.weighted import WeightedModel

if TYPE_CHECKING:
    from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["chosen_devices", "load_model", "load_pretrained"]

Model = TypeVar("Model", bound=WeightedModel)

logger = logging.getLogger("automodel_core")

COUNTED = ".num_batches_tracked"
"""What batch norms count, which files of other frameworks and of early torch lack: from 0 again."""


def load_pretrained(cls: type[Model], request: LoadRequest) -> Any:
    """Return what `PreTrainedModel.from_pretrained` returns: a model, or also its report."""
    adapter = None if request.adapter is None else read(request.adapter)
    model: Any = load_model(cls, request)
    if request.files is not None:
        model.read_further(request.files)
    if adapter is not None:
        model.attach_adapter(adapter, "default")
    else:
        warn_of_adapter(request.files)
    if request.options.output_loading_info and model.load_report is not None:
        return model, model.load_report.loading_info()
    return model


def load_model(cls: type[Model], request: LoadRequest, built: Model | None = None) -> Model:
    """Build the model of a request, unless it is ``built``, and load its weights."""
    files, config, options = request.files, request.config, request.options
    quantizer = options.quantizer()
    if not isinstance(config, cls.config_class):
        raise InputError(
            f"{cls.__name__} takes a {cls.config_class.__name__}, got a {type(config).__name__}"
        )
    attention = own_choice(options.attn_implementation, None)
    config._attn_implementation = attention or config._attn_implementation
    if options.tp_plan is not None and (options.device_map is not None or quantizer):
        raise InputError("tp_plan= goes neither with device_map= nor with weights in fewer bits")
    refuse_idle(
        options.device_map,
        max_memory=options.max_memory,
        offload_folder=options.offload_folder,
        offload_buffers=options.offload_buffers,
    )
    weights = _weights(request)
    config.dtype = _dtype(config, options, weights)
    stored_generation = _stored_generation(cls, files)
    if files is not None:
        files.confirm()

    context = registry.LoadContext(
        name_or_path="" if files is None else files.name,
        task=request.task,
        model_type=config.model_type,
        model_class=f"{cls.__module__}:{cls.__qualname__}",
        distribution=registry.architectures.provider(config),
        commit=None if files is None else files.commit,
    )
    if request.hub.lock is not None:
        request.hub.lock.check_provider(context.distribution, context.model_class)
    registry.plugins.notify("automodel_before_load", context=context)
    with gc_paused():
        model = built or build_on_meta(
            cls, config, weights, request.model_args, request.model_kwargs
        )
        if isinstance(options.attn_implementation, Mapping):
            set_attention(model, options.attn_implementation)
        names = model.own_names()
        devices = chosen_devices(model, names, request)
        sharing = share_out(model, options.tp_plan, options.tp_size, options.device_mesh)
        dtypes = {"": config.dtype, **dtypes_of_parts(model, options.dtype)}
        stored = StoredWeights()
        with located("the weights", context.name_or_path or "state_dict"):
            report = _fill(model, weights, names, options, sharing or devices, dtypes, stored)
        _check_complete(model, report, names, options.strict, context.name_or_path or "state_dict")
        placement = Placement(sharing or devices, dtypes, model.segments_in_fp32())
        report = _complete(model, report, names, placement, stored, request)
        parts = every_part(model)
        _finish(model, parts, names, placement)
        keep_weights(model, parts)
    if devices is not None:
        dispatch(
            model,
            devices,
            stored,
            folder=options.offload_folder,
            offload_buffers=options.offload_buffers,
        )
    if quantizer is not None:
        method, settings = quantizer
        registry.parts.function(registry.Quantizer, method)(model, settings)
    model.load_report = report
    if cls.can_generate():
        from automodel_core.generation.settings.of_model import (
            first_settings,
            heed_given_config,
            set_generation_config,
        )

        given = options.generation_config
        set_generation_config(model, first_settings(config, stored_generation, given))
        if request.config_is_given and stored_generation is not None:
            heed_given_config(model, _stored(files, "config.json") or {})
    registry.plugins.notify("automodel_after_load", context=context, model=model)
    leftovers = _notable_leftovers(model, names, report.unexpected)
    missing = [name for name in report.missing if not name.endswith(COUNTED)]
    if missing or report.mismatched or report.untied:
        logger.warning("%s", report)
    elif leftovers:
        logger.warning(
            "%s: %s has no use for %d weights of the checkpoint: %s",
            context.name_or_path or "state_dict", cls.__name__, len(leftovers), listed(leftovers),
        )  # fmt: skip
    return model


def _without_memory(cls: type[Model], request: LoadRequest) -> Model:
    with torch.device("meta"):
        return cls(request.config, *request.model_args, **request.model_kwargs)


def chosen_devices(
    model: WeightedModel, names: WeightNames, request: LoadRequest
) -> dict[str, Any] | None:
    """Return the device of each module, as ``device_map`` and ``max_memory`` say; no map, none."""
    config, options = request.config, request.options

    def build() -> nn.Module:
        twin = _without_memory(type(model), replace(request, config=copy.deepcopy(config)))
        twin.tie_weights()
        return twin

    weighing = Weighing(
        build,
        config.dtype,
        model.segments_in_fp32(),
        options.max_memory,
        options.offload_buffers,
    )
    devices = modules_by_device(options.device_map, model, names, weighing)
    if devices is not None and options.quantizer() is not None and DISK in devices.values():
        raise InputError("weights in fewer bits are made in memory: leave no module on 'disk'")
    return devices


def _weights(request: LoadRequest) -> Any:
    """Return the weights by hub name; quantised ones dequantised, or refused."""
    options, config = request.options, request.config
    if request.files is None:
        return options.state_dict
    return open_plain_weights(
        request.files,
        [vars(each) for each in (config, *config.all_parts())],
        dequantize=options.dequantizes,
        **options.choice,
        weights_only=options.weights_only,
        disable_mmap=options.disable_mmap,
    )


def _dtype(config: PreTrainedConfig, options: LoadOptions, weights: Any) -> torch.dtype:
    """Return the dtype asked for; for "auto" the configuration's, else that of the first weight."""
    asked = own_choice(options.dtype, "auto")
    if asked != "auto":
        return dtype_named(asked)
    if config.dtype is not None and not is_float8(config.dtype):
        with located("config.json", config._name_or_path):
            return dtype_named(config.dtype)
    return checkpoint_dtype(weights) or torch.float32


def _fill(
    model: WeightedModel,
    weights: Any,
    names: WeightNames,
    options: LoadOptions,
    devices: dict[str, Any] | None,
    dtypes: Mapping[str, torch.dtype],
    stored: StoredWeights,
) -> LoadReport:
    """Give the model the checkpoint's weights; those on disk go to ``stored``."""
    if options.state_dict is not None and options.key_mapping is None:
        weights = state_to_load(model, options.state_dict, names)
    report = load_weights(
        model,
        weights,
        names,
        base_prefix=model.base_model_prefix,
        tied=model.ties_to_load(),
        dtype=dtypes,
        keep_in_fp32=model.segments_in_fp32(),
        device_map=devices,
        stored=stored,
        ignore_mismatched_sizes=options.ignore_mismatched_sizes,
        key_mapping=options.key_mapping or without_prefix(model, weights, names),
    )
    if report.untied:
        model.untie(name for hub in report.untied for name in names.to_module(hub))
    return report


def _complete(
    model: WeightedModel,
    report: LoadReport,
    names: WeightNames,
    placement: Placement,
    stored: StoredWeights,
    request: LoadRequest,
) -> LoadReport:
    """Give the weights that are still without memory the values of a new model."""
    missing = missing_slots(model) if report.missing or report.mismatched else {}
    missing = {
        name: slot
        for name, slot in missing.items()
        if name not in stored and placement.device(name, names.to_hub(name).name).type != "meta"
    }
    if not missing:
        return report

    def build() -> nn.Module:
        with torch.device("cpu"):
            config = copy.deepcopy(model.config)
            return type(model)(config, *request.model_args, **request.model_kwargs)

    draw_missing(model, missing, placement, build)
    drawn = {}
    for name, slot in missing.items():
        dtype, shape = str(slot.tensor.dtype).removeprefix("torch."), tuple(slot.tensor.shape)
        drawn[names.to_hub(name).name] = Origin("", TensorInfo(shape, "", 0, ""), dtype)
    return report.with_initialised(drawn)


def _finish(model: nn.Module, parts: Parts, names: WeightNames, placement: Placement) -> None:
    """Set evaluation mode, and place the buffers; raise if one is still on the meta device."""
    for start, module in parts:
        vars(module)["training"] = False
        for name, buffer in module._buffers.items():
            if buffer is None:
                continue
            full = start + name
            device = placement.device(full, names.to_hub(full).name)
            if device.type == "meta":
                continue
            if buffer.is_meta:
                raise InputError(
                    f"{type(model).__name__}: the buffer {name!r} of a {type(module).__name__} has "
                    "no value: compute it in __init__ with device='cpu', or store it in the "
                    "checkpoint"
                )
            # What is stored with the weights has their precision; what is computed keeps its own.
            saved = name not in module._non_persistent_buffers_set
            dtype = placement.dtype(full, buffer.dtype, buffer.dtype) if saved else buffer.dtype
            module._buffers[name] = buffer.to(device, dtype)


def _check_complete(
    model: WeightedModel,
    report: LoadReport,
    names: WeightNames,
    strict: bool | str,
    checkpoint: str,
) -> None:
    """Raise if weights are missing that ``strict`` does not allow to be initialised."""
    if strict in (False, "off") or not report.missing:
        return
    modules = {hub: names.to_module(hub) for hub in report.missing}
    lacking = sorted(
        hub
        for hub, targets in modules.items()
        if strict in (True, "full")
        or (not hub.endswith(COUNTED) and any(map(model.needs, targets)))
    )
    if lacking:
        raise IncompleteCheckpointError(
            f"{checkpoint}: {len(lacking)} weights that {type(model).__name__} needs are not in "
            f"the checkpoint: {listed(lacking)}. {_advice(model, report)}; strict='off' draws them "
            "at random instead"
        )


def _advice(model: WeightedModel, report: LoadReport) -> str:
    """Return what may be wrong with a checkpoint that lacks weights."""
    if not report.unexpected:
        return "It may be cut short" if report.loaded else "It holds no weights at all"
    if own_tensors(model).keys() >= set(report.unexpected):
        return (
            f"It has {listed(report.unexpected, 4)} instead, as modules are called here, and was "
            "written from state_dict() by another library: read the file, and give its content as "
            "from_pretrained(None, config=config, state_dict=...)"
        )
    return (
        f"It has {listed(report.unexpected, 4)} instead: it may belong to another architecture, or "
        "have names that key_mapping={pattern: replacement} can change"
    )


def _notable_leftovers(
    model: WeightedModel, table: WeightNames, unexpected: Iterable[str]
) -> list[str]:
    """Return the unexpected weights that belong to the model, such as layers beyond its number.

    Optional parts of a body, and heads of the class that the checkpoint was saved from, are none.
    """
    names = list(unexpected)
    if not names:
        return []
    tops = {_top(table.to_hub(name).name) for name, _ in model.named_parameters()}
    saved_from = model.config.architectures
    is_own = not saved_from or type(model).__name__ in saved_from
    body = f"{model.body}." if model.body else ""

    def is_notable(name: str) -> bool:
        for candidate in _spellings(name, model.base_model_prefix):
            modules = table.to_module(candidate)
            if candidate != name and modules == (candidate,):
                continue  # no rule knows it: another model's weight
            for module in modules:
                if module.startswith(body) and _top(candidate) in tops:
                    return model.needs(module)
        return is_own

    return [name for name in names if is_notable(name)]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _spellings(name: str, prefix: str) -> Iterator[str]:
    """Yield a name as it is, and as a model with a head or a body alone has it."""
    yield name
    if prefix:
        yield f"{prefix}.{name}"
        yield name.removeprefix(f"{prefix}.")


def _stored_generation(
    cls: type[WeightedModel], files: CheckpointFiles | None
) -> dict[str, Any] | None:
    """Return what the checkpoint's file of generation settings holds, if there is a use for it."""
    return _stored(files, "generation_config.json") if cls.can_generate() else None


def _stored(files: CheckpointFiles | None, name: str) -> dict[str, Any] | None:
    """Return what a JSON file of the checkpoint holds, ``None`` if there is none."""
    from automodel_core.checkpoint.places.json_files import read_json

    path = None if files is None else files.find(name)
    return None if path is None else read_json(path)
