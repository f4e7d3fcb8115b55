"""Recognise weights that another library has quantised: by what files state, and by what they hold.

Loaded as they are, such weights would be silently wrong: their scales lie beside them, under names
that no model asks for. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.errors import CheckpointFormatError, shown

__all__ = [
    "Quantised",
    "block_size",
    "forget_quantisation",
    "is_float8",
    "stated_quantisation",
    "stored_quantisation",
]

CONFIG_KEYS = ("quantization_config", "compression_config")
MODELOPT_FILE = "hf_quant_config.json"
"""Where NVIDIA's ModelOpt says what it did."""
_FLOAT8 = "fp8"
_NAMES = {
    r"\.(quant_state\..*|absmax|SCB|quant_map|nested_absmax)$": "bitsandbytes",
    r"\.qweight$": "gptq or awq",
    r"\.(weight_packed|weight_zero_point)$": "compressed-tensors",
    r"_(blocks|scales)$": "mxfp4",
    r"\.(weight_scale_2|weight_global_scale)$": "nvfp4",
    r"(\.scale_weight|weight_scale|weight_scale_inv|_proj_scale|_proj_scale_inv)$": "scales",
}
"""Names of what lies beside quantised weights, and what puts it there."""
_MARKS = (
    "quant_", "absmax", "SCB", "qweight", "weight_packed", "weight_zero_point", "_blocks", "scale",
)  # fmt: skip
"""One of them is in each of these names, and a look for them takes a tenth of the time."""
_PATTERNS = {re.compile(pattern): method for pattern, method in _NAMES.items()}


@dataclass(frozen=True)
class Quantised:
    """How weights were quantised, as ``method`` says, and the file and key that show it."""

    method: str
    where: str

    @property
    def can_be_dequantised(self) -> bool:
        return self.method == _FLOAT8

    @property
    def advice(self) -> str:
        """What a user can do."""
        if self.can_be_dequantised:
            return "dequantize=True multiplies them by their scales while they are loaded"
        return (
            "nothing here reads them: load the checkpoint that they were made from, and "
            "weights='int8' saves memory there"
        )

    def refusal(self, checkpoint: str) -> CheckpointFormatError:
        """Return the error for a load that did not ask for what can be done."""
        return CheckpointFormatError(
            f"{shown(checkpoint)} holds quantised weights ({self.method}, as {self.where} says): "
            f"{self.advice}"
        )


def is_float8(dtype: object) -> bool:
    """Return whether a dtype, or its name, is one of floats with eight bits."""
    return str(dtype).removeprefix("torch.").startswith("float8")


def stated_quantisation(
    configs: Iterable[Mapping[str, Any]], files: CheckpointFiles | None
) -> Quantised | None:
    """Return what a configuration, a part of it, or ModelOpt's file says, if anything."""
    for key, settings in _settings(configs):
        return Quantised(_method(settings), f"{key} in config.json")
    # Where the files are not listed, as on the hub, a look for this one would be a request of its
    # own in every load; what the weights hold shows the same.
    listed = None if files is None else files.names()
    path = files.find(MODELOPT_FILE) if files and MODELOPT_FILE in (listed or ()) else None
    if path is None:
        return None
    stated = read_json(path).get("quantization")
    algorithm = stated.get("quant_algo") if isinstance(stated, Mapping) else None
    if not isinstance(algorithm, str) or not algorithm:
        return None  # without one, it is about the cache alone
    method = _FLOAT8 if algorithm.lower().startswith(_FLOAT8) else algorithm.lower()
    return Quantised(method, f"quant_algo in {MODELOPT_FILE}")


def block_size(configs: Iterable[Mapping[str, Any]]) -> tuple[int, int] | None:
    """Return height and width of the blocks that share a scale, if a configuration says so."""
    for _, settings in _settings(configs):
        match settings.get("weight_block_size"):
            case [int(height), int(width)] if height > 0 and width > 0:
                return height, width
    return None


def forget_quantisation(configs: Iterable[dict[str, Any]]) -> None:
    """Take what is said about quantisation out of configurations, and of tables in them."""
    for values in configs:
        for key, value in list(values.items()):
            if key in CONFIG_KEYS:
                del values[key]
            elif isinstance(value, dict):
                forget_quantisation([value])


def _settings(configs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what configurations, and tables in them, say about quantisation, by key."""
    for values in configs:
        for key, value in values.items():
            if key in CONFIG_KEYS and isinstance(value, Mapping) and value:
                yield key, value
            elif isinstance(value, Mapping):
                yield from ((f"{key}.{inner}", found) for inner, found in _settings([value]))


def _method(settings: Mapping[str, Any]) -> str:
    method = settings.get("quant_method")
    if method in ("fp8", "fbgemm_fp8") or (
        method == "compressed-tensors" and "float-quantized" in str(settings.get("format"))
    ):
        return _FLOAT8
    if isinstance(method, str) and method:
        return method
    if any(str(key).startswith(("load_in_", "bnb_")) for key in settings):
        return "bitsandbytes"
    return "a method without a name"


def stored_quantisation(tensors: Mapping[str, TensorInfo]) -> Quantised | None:
    """Return what names and dtypes of tensors show, if anything.

    Floats of eight bits without any scale are no sign: these values are the weights.
    """
    names = "\n".join(tensors)
    if not any(mark in names for mark in _MARKS):
        return None
    for name, info in tensors.items():
        method = next((m for p, m in _PATTERNS.items() if p.search(name)), None)
        if method is None:
            continue
        if method == "scales":
            method = _scaled(name, tensors)
        elif method == "mxfp4" and info.dtype != "uint8":
            method = None
        if method is not None:
            return Quantised(method, f"tensor {shown(name)} in {shown(info.file)}")
    return None


def _scaled(scale: str, tensors: Mapping[str, TensorInfo]) -> str | None:
    """Return how the weight beside a scale was quantised; ``None`` for one that was not."""
    weight = re.sub(r"_scale(_inv)?$|scale_(?=weight$)", "", scale)
    dtype = tensors[weight].dtype if weight in tensors else ""
    if is_float8(dtype):
        return _FLOAT8
    return "integers with scales" if "int" in dtype else None
