"""`ModelPlan`: a preview of a load, from the configuration and the headers of weight files."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from automodel_core import registry
from automodel_core.checkpoint.formats.quantised import (
    Quantised,
    is_float8,
    stated_quantisation,
    stored_quantisation,
)
from automodel_core.errors import InputError, listed
from automodel_core.modeling.pretrained.request import LoadRequest

if TYPE_CHECKING:
    from automodel_core.checkpoint.loading.preview import WeightPlan
    from automodel_core.checkpoint.loading.report import LoadReport
    from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["ModelPlan", "plan_model", "provider_of", "readable_size"]


@dataclass(frozen=True)
class ModelPlan:
    """What ``from_pretrained`` would load, from where, and into what.

    Making a plan reads no weight and needs no torch. Only `report`, what is read from it
    (`missing`, `unexpected`, `mismatched`, `to_dict`, printing) and `memory` build the model, if
    torch is there, without memory for its weights, to learn the names and shapes that it needs.
    """

    name: str
    commit: str | None
    auto_class: str
    task: str
    model_type: str
    model_class: str
    """Where the class is: ``module:Class``."""
    distribution: str | None
    """Who provides the class; ``None`` for one that was registered in this process."""
    version: str | None
    dtype: str
    weights: WeightPlan
    _request: LoadRequest = field(repr=False, compare=False)

    @property
    def files(self) -> tuple[str, ...]:
        """The weight files."""
        return self.weights.files

    @property
    def nbytes(self) -> int | None:
        """The size of the weight files in bytes, ``None`` if unknown."""
        return self.weights.nbytes

    @cached_property
    def report(self) -> LoadReport | None:
        """The outcome for each weight; ``None`` without torch or for a pickled checkpoint."""
        if self.weights.tensors is None or self._model is None:
            return None
        return _compared(self._model, self._request, self.weights, self.dtype)

    @cached_property
    def memory(self) -> dict[str, int] | None:
        """The bytes that the weights take in each dtype, and with ``weights="int8"``.

        Without torch they are counted as the files hold them; ``None`` if that is not known.
        """
        from automodel_core.checkpoint.loading.memory import memory_by_dtype, sizes_in_files

        if self._model is not None:
            from automodel_core.modeling.pretrained.quantise import weight_sizes

            return memory_by_dtype(weight_sizes(self._model).values(), self.dtype)
        if self.weights.tensors is None:
            return None
        return memory_by_dtype(sizes_in_files(self.weights.tensors), self.dtype)

    @cached_property
    def device_map(self) -> dict[str, Any] | None:
        """The device of each module, ``None`` without ``device_map=`` or torch.

        `max_memory` may speak of accelerators that this machine does not have.
        """
        if self._model is None or self._request.options.device_map is None:
            return None
        return _device_map(self._model, self._request, self.dtype)

    @property
    def memory_by_device(self) -> dict[str, int] | None:
        """The bytes of the weights on each device, and on ``"disk"``; see `device_map`."""
        if self._model is None or self.device_map is None:
            return None
        return _memory_by_device(self._model, self.device_map, self.dtype)

    @property
    def saved_by(self) -> dict[str, str]:
        """The distributions that wrote the weights, and their versions, if the files say so."""
        notes = self.weights.metadata.items()
        return {name: version for name, version in notes if name.startswith("automodel-")}

    @cached_property
    def _model(self) -> PreTrainedModel | None:
        """The model without memory; ``None`` without torch, and for classes of other packages."""
        if not _torch_is_installed():
            return None
        return _empty_model(self.model_class, self._request, self.weights)

    @property
    def missing(self) -> tuple[str, ...] | None:
        """Hub names of weights that the model needs and the checkpoint lacks."""
        return None if self.report is None else self.report.missing

    @property
    def unexpected(self) -> tuple[str, ...] | None:
        """Hub names of weights that the checkpoint holds and nobody needs."""
        return None if self.report is None else self.report.unexpected

    @property
    def mismatched(self) -> tuple[Any, ...] | None:
        """Hub name, shape in the checkpoint and shape in the model, where the two differ."""
        return None if self.report is None else self.report.mismatched

    @cached_property
    def quantised(self) -> Quantised | None:
        """How another library has quantised the weights, if it has; see its ``advice``."""
        config = self._request.config
        configs = [vars(each) for each in (config, *config.all_parts())]
        stated = stated_quantisation(configs, self._request.files)
        return stated or stored_quantisation(self.weights.tensors or {})

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it."""
        report, devices = None if self.report is None else self.report.to_dict(), self.device_map
        names = ("missing", "unexpected", "mismatched", "weights")
        return {
            "name": self.name,
            "commit": self.commit,
            "auto_class": self.auto_class,
            "task": self.task,
            "model_type": self.model_type,
            "class": self.model_class,
            "distribution": self.distribution,
            "version": self.version,
            "files": dict(zip(self.files, self.weights.sizes, strict=True)),
            "bytes": self.nbytes,
            "local": self.weights.local,
            "dtype": self.dtype,
            "dtypes": self.weights.dtypes,
            "memory": self.memory,
            "device_map": None if devices is None else {n: str(d) for n, d in devices.items()},
            "memory_by_device": self.memory_by_device,
            "saved_by": self.saved_by,
            "quantised": None
            if self.quantised is None
            else {**vars(self.quantised), "advice": self.quantised.advice},
            **{name: None if report is None else report[name] for name in names},
        }

    def __str__(self) -> str:
        weights = self.weights
        tensors = weights.tensors
        files = ", ".join(
            f"{name} ({readable_size(size)})"
            for name, size in zip(self.files, weights.sizes, strict=True)
        )
        content = ", ".join(
            f"{readable_size(size)} {dtype}" for dtype, size in weights.dtypes.items()
        )
        by = {self.distribution: self.version or ""} if self.distribution else {}
        rows = {
            "model type": self.model_type,
            "class": self.model_class,
            "provided by": _versions(by) or "this process",
            "commit": self.commit or "",
            "files": files + (", on this machine" if weights.local else ", to be fetched"),
            "weights": "unknown before they are read"
            if tensors is None
            else f"{len(tensors)} tensors: {content}",
            "saved by": _versions(self.saved_by),
            "quantised": ""
            if self.quantised is None
            else f"by {self.quantised.method}, as {self.quantised.where} says: "
            f"{self.quantised.advice}",
            "loaded as": self.dtype,
            "memory": ", ".join(
                f"{readable_size(size)} {name}" for name, size in (self.memory or {}).items()
            ),
            "devices": ", ".join(
                f"{readable_size(size)} on {device}"
                for device, size in (self.memory_by_device or {}).items()
            ),
            **self._misfits(),
        }
        lines = [f"{self.auto_class}.from_pretrained({self.name!r})"]
        lines += [f"  {key:<12} {value}" for key, value in rows.items() if value]
        return "\n".join(lines)

    def _misfits(self) -> dict[str, str]:
        """Return the rows about weights that do not fit."""
        report = self.report
        if report is None:
            return {"names": "not compared: that needs torch, and a format that lists its content"}
        wrong = [f"{name} {list(a)} -> {list(b)}" for name, a, b in report.mismatched]
        return {
            "missing": _counted(report.missing),
            "unexpected": _counted(report.unexpected),
            "mismatched": _counted(wrong),
        }


def plan_model(auto_class: str, task: str, reference: str, request: LoadRequest) -> ModelPlan:
    """Return the plan for a request and the model class that was found for it."""
    from automodel_core.checkpoint.loading.preview import plan_weights

    files, options = request.files, request.options
    if files is None:
        raise InputError("a plan needs the name of a checkpoint")
    weights = plan_weights(files, **options.choice)
    distribution, version = provider_of(reference)
    return ModelPlan(
        name=files.name,
        commit=files.commit,
        auto_class=auto_class,
        task=task,
        model_type=request.config.model_type,
        model_class=reference,
        distribution=distribution,
        version=version,
        dtype=_dtype(options.dtype, request.config, weights),
        weights=weights,
        _request=request,
    )


def provider_of(reference: str) -> tuple[str | None, str | None]:
    """Return distribution and version of the plugin that a reference points into."""
    package = reference.partition(":")[0].partition(".")[0]
    for record in registry.plugins.records():
        if record.module.partition(".")[0] == package:
            return record.distribution, record.version
    return None, None


def _dtype(asked: Any, config: Any, weights: WeightPlan) -> str:
    """Return the name of the dtype asked for, else the configuration's, else the stored one."""
    stored = next((name for name in weights.dtypes if "float" in name), "float32")
    asked = asked.get("", "auto") if isinstance(asked, Mapping) else asked
    chosen = asked if asked != "auto" else (config.to_dict()["dtype"] or stored)
    name = str(chosen).removeprefix("torch.")
    return "bfloat16" if asked == "auto" and is_float8(name) else name


def _versions(packages: Mapping[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in packages.items())


def _empty_model(
    reference: str, request: LoadRequest, weights: WeightPlan
) -> PreTrainedModel | None:
    """Build the model without memory."""
    from automodel_core.modeling.building import build_on_meta
    from automodel_core.modeling.pretrained.base import PreTrainedModel

    model_class: Any = registry.resolve(reference)
    if not issubclass(model_class, PreTrainedModel):
        return None
    model: PreTrainedModel = build_on_meta(
        model_class, request.config, weights.tensors or {}, options=request.model_kwargs
    )
    return model


def _device_map(model: PreTrainedModel, request: LoadRequest, dtype: str) -> dict[str, Any] | None:
    from automodel_core.modeling.pretrained.loading import chosen_devices
    from automodel_core.modeling.pretrained.options import dtype_named

    config = copy.deepcopy(request.config)
    config.dtype = dtype_named(dtype)
    return chosen_devices(model, model.own_names(), replace(request, config=config))


def _memory_by_device(
    model: PreTrainedModel, device_map: Mapping[str, Any], dtype: str
) -> dict[str, int]:
    """Return the bytes on each device, each weight at the longest prefix of its name in the map."""
    from automodel_core.checkpoint.loading.memory import memory_by_dtype
    from automodel_core.modeling.pretrained.quantise import weight_sizes

    found: dict[str, int] = {}
    for name, size in weight_sizes(model).items():
        prefix = name
        while prefix and prefix not in device_map:
            prefix = prefix.rpartition(".")[0]
        device = str(device_map.get(prefix, "cpu"))
        found[device] = found.get(device, 0) + memory_by_dtype([size], dtype).get(dtype, 0)
    return found


def _compared(
    model: PreTrainedModel, request: LoadRequest, weights: WeightPlan, dtype: str
) -> LoadReport | None:
    """Compare the names and shapes of a model's weights with those in the files."""
    from automodel_core.checkpoint.formats.mapped import torch_dtype
    from automodel_core.checkpoint.loading.placement import Placement
    from automodel_core.checkpoint.loading.ties import find_slots
    from automodel_core.modeling.pretrained.options import dtype_named, dtypes_of_parts

    dtypes = {"": dtype_named(dtype), **dtypes_of_parts(model, request.options.dtype)}
    placement = Placement(None, dtypes, model.segments_in_fp32())
    slots = find_slots(model)

    def dtype_of(module: str, stored: str) -> str:
        needed, kept = slots[module].tensor.dtype, torch_dtype(stored, module)
        if needed.is_floating_point != kept.is_floating_point:
            return ""  # the load says what is wrong
        return str(placement.dtype(module, needed, kept)).removeprefix("torch.")

    shapes = {name: tuple(slot.tensor.shape) for name, slot in slots.items() if name == slot.name}
    return weights.compare(
        shapes,
        model.own_names(),
        base_prefix=model.base_model_prefix,
        tied=model.ties_to_load(),
        key_mapping=request.options.key_mapping,
        dtype_of=dtype_of,
    )


def _torch_is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


def readable_size(size: int | None) -> str:
    """Return a number of bytes as text, in the unit that gives one to three digits."""
    if size is None:
        return "size unknown"
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)}: {listed(names)}" if names else "none"
