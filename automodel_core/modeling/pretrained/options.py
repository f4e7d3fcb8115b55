"""The arguments of ``from_pretrained``: those with effect, those without, those refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from automodel_core.checkpoint.places.file_names import NO_GGUF
from automodel_core.checkpoint.places.options import caller_arguments
from automodel_core.errors import InputError, shown
from automodel_core.modeling.by_part import by_path

if TYPE_CHECKING:
    import torch

__all__ = ["LoadOptions", "dtype_named", "dtypes_of_parts"]

# They once chose a faster or leaner path, which is now the only one: one weight is read at a time.
WITHOUT_EFFECT = frozenset({"_fast_init", "low_cpu_mem_usage", "offload_state_dict"})
NOT_OFFERED = {
    "adapter_kwargs": "load the base model, then model.load_adapter(name, ...)",
    "adapter_name": "load the base model, then model.load_adapter(name, adapter_name)",
    "distributed_config": "share layers out with tp_plan='auto' and device_mesh=",
    "fusion_config": "decoding joins and packs projections by itself",
    "gguf_file": NO_GGUF,
    "kernel_config": "choose a kernel with attn_implementation=",
    "load_in_4bit": "hold weights in eight bits, with weights='int8'",
    "use_kernels": "choose a kernel with attn_implementation=",
}


@dataclass(frozen=True)
class LoadOptions:
    """How to load weights, as the caller of ``from_pretrained`` said."""

    state_dict: Mapping[str, torch.Tensor] | None = None
    output_loading_info: bool = False
    ignore_mismatched_sizes: bool = False
    use_safetensors: bool | None = None
    weights_only: bool = True
    variant: str | None = None
    dtype: Any = "auto"
    device_map: Any = None
    max_memory: Mapping[int | str, int | str] | None = None
    offload_folder: str | os.PathLike[str] | None = None
    offload_buffers: bool = False
    tp_plan: str | Mapping[str, str] | None = None
    tp_size: int | None = None
    device_mesh: Any = None
    attn_implementation: str | Mapping[str, str] | None = None
    generation_config: Any = None
    key_mapping: Mapping[str, str] | None = None
    strict: bool | str = "body"
    weights: str | None = None
    quantization_config: Any = None
    load_in_8bit: bool = False
    dequantize: bool = False
    disable_mmap: bool | None = None
    from_tf: bool = False
    from_flax: bool = False
    weight_file: str | None = field(default=None, metadata={"is_argument": False})
    """The name of the one weight file that the caller gave the path of."""

    def __post_init__(self) -> None:
        if self.from_tf and self.from_flax:
            raise InputError("from_tf=True and from_flax=True exclude each other")
        if self.strict not in (True, False, "body", "full", "off"):
            raise InputError(
                f"strict={shown(self.strict)}: one of 'full' (True), 'body', 'off' (False)"
            )

        attention: object = self.attn_implementation
        if not (attention is None or isinstance(attention, str | Mapping)):
            raise InputError(
                f"attn_implementation={shown(attention)}: expected a name, such as 'eager', or one "
                "for each part, such as {'encoder': 'eager', '': 'sdpa'}"
            )

    @property
    def choice(self) -> dict[str, Any]:
        """Which weight files to take, as the arguments of `find_weights`."""
        return {
            "use_safetensors": self.use_safetensors,
            "variant": self.variant,
            "framework": "tf" if self.from_tf else "flax" if self.from_flax else None,
            "weight_file": self.weight_file,
        }

    def quantizer(self) -> tuple[str, Mapping[str, Any]] | None:
        """Return which quantizer the caller chose, and its settings.

        Raises `InputError` if the arguments contradict each other or name none.
        """
        chosen = {
            key: value
            for key in ("weights", "quantization_config", "load_in_8bit")
            if (value := getattr(self, key)) not in (None, False)
        }
        if self._asks_to_dequantize:
            chosen.pop("quantization_config")
        if len(chosen) > 1:
            raise InputError(f"give one of {' and '.join(chosen)}: they say the same thing")
        if "load_in_8bit" in chosen:
            return "int8", {}
        for key, value in chosen.items():
            if isinstance(value, str):
                return value, {}
            if key == "weights":
                raise InputError(f"weights={shown(value)}: expected a name, such as 'int8'")
            return _quantizer_of(value)
        return None

    @property
    def dequantizes(self) -> bool:
        """Whether quantised weights are to be read as those that they stand for."""
        return self.dequantize or self._asks_to_dequantize

    @property
    def _asks_to_dequantize(self) -> bool:
        given = self.quantization_config
        values = given.to_dict() if isinstance(given, _Convertible) else given
        return isinstance(values, Mapping) and values.get("dequantize") is True

    @classmethod
    def arguments(cls) -> list[str]:
        """Return the names of the options that callers may give."""
        return [f.name for f in fields(cls) if f.metadata.get("is_argument", True)]

    @classmethod
    def split(cls, kwargs: Mapping[str, Any]) -> tuple[LoadOptions, dict[str, Any]]:
        """Return the options that ``kwargs`` names, and the other arguments.

        Raises `RemoteCodeRefusedError` and `InputError` for what is not offered.
        """
        own = caller_arguments(kwargs)
        rest = {key: value for key, value in own.items() if key not in WITHOUT_EFFECT}
        for key in NOT_OFFERED.keys() & rest.keys():
            if rest.pop(key) not in (None, False):
                raise InputError(f"{key}= is not supported: {NOT_OFFERED[key]}")
        if "torch_dtype" in rest:
            old = rest.pop("torch_dtype")
            rest.setdefault("dtype", old)
        named = {name: rest.pop(name) for name in cls.arguments() if name in rest}
        if named.get("dtype", "") is None:
            del named["dtype"]
        return cls(**named), rest

    @classmethod
    def as_given(cls, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of ``kwargs`` that say how to load, as the caller gave them."""
        names = {*cls.arguments(), *NOT_OFFERED, *WITHOUT_EFFECT, "torch_dtype"}
        return {key: value for key, value in kwargs.items() if key in names}


@runtime_checkable
class _Convertible(Protocol):
    """A configuration object of another library."""

    def to_dict(self) -> dict[str, Any]: ...


def _quantizer_of(config: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the quantizer that a ``quantization_config`` means, and its other settings."""
    values = config.to_dict() if isinstance(config, _Convertible) else config
    if not isinstance(values, Mapping):
        raise InputError(
            f"quantization_config={shown(config)}: expected a name, such as 'int8', or a mapping "
            "with quant_method"
        )
    if values.get("load_in_8bit"):
        skipped = values.get("llm_int8_skip_modules")
        return "int8", {"modules_to_not_convert": skipped} if skipped else {}
    settings = {key: value for key, value in values.items() if key != "quant_method"}
    method = values.get("quant_method")
    method = getattr(method, "value", method)
    if not isinstance(method, str):
        raise InputError(f"quantization_config={shown(values)}: quant_method is missing")
    return method, settings


def dtype_named(value: Any) -> torch.dtype:
    """Return the torch dtype that a caller or a configuration names, or raise `InputError`."""
    import torch

    found = getattr(torch, value.removeprefix("torch."), None) if isinstance(value, str) else value
    if not isinstance(found, torch.dtype):
        raise InputError(f"dtype={shown(value)}: expected a torch dtype, its name, or 'auto'")
    if not found.is_floating_point or found.itemsize < 2:
        raise InputError(
            f"dtype={shown(value)}: weights need a floating-point type of at least 16 bits; "
            "weights='int8' holds those of large layers in eight"
        )
    return found


def dtypes_of_parts(model: Any, given: Any) -> dict[str, torch.dtype]:
    """Return the dtypes that a mapping has for parts, by path, and note them in their configs.

    Only parts with a configuration of their own have a dtype. Raises `InputError` for others, and
    for a dtype that is none.
    """
    if not isinstance(given, Mapping):
        return {}
    named = {part: dtype_named(name) for part, name in given.items() if part}
    dtypes = by_path(model, named, "dtype")
    parts = model.config.parts().values()
    for path, dtype in dtypes.items():
        config = vars(model.get_submodule(path)).get("config")
        if all(config is not part for part in parts):
            raise InputError(
                f"dtype={shown(given)}: {shown(path)} of {type(model).__name__} has no "
                "configuration of its own, and so the dtype of the whole model"
            )
        config.dtype = dtype
    return dtypes
