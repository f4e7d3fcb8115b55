"""What TensorFlow's variables are called in torch's files.

One translation serves every architecture: levels of a name are spelt in other ways, the last one by
a table, and kernels have their outputs last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from automodel_core.checkpoint import TensorInfo, Translation, kernel_axes

_NORMS = {"gamma": "weight", "beta": "bias"}
_STATISTICS = {"moving_mean": "running_mean", "moving_variance": "running_var"}
_KERAS: Mapping[str, str] = {
    "kernel": "weight",
    "pointwise_kernel": "pointwise.weight",
    "depthwise_kernel": "depthwise.weight",
    "embeddings": "weight",
    **_NORMS,
    **_STATISTICS,
}
"""The last level of a Keras variable's name, and of the torch name."""
_BUNDLE: Mapping[str, str] = {
    "kernel": "weight",
    "output_weights": "weight",
    "output_bias": "bias",
    "embedding": "weight",
    "wte": "wte.weight",
    "wpe": "wpe.weight",
    "scale": "weight",
    "w": "weight",
    "g": "weight",
    "b": "bias",
    "q": "q.weight",
    "k": "k.weight",
    "v": "v.weight",
    "o": "o.weight",
    "relative_attention_bias": "relative_attention_bias.weight",
    **_NORMS,
    **_STATISTICS,
}
"""The same of variables in TensorFlow 1, which OpenAI and Mesh TensorFlow call otherwise."""
_TURNED = frozenset("kernel q k v o relative_attention_bias".split())
_EMBEDDINGS = re.compile(r"\w+_embeddings")
_NO_WEIGHTS = re.compile(
    r"(^|/)(adam_[mv]|Adam(_\d+)?|AdamWeightDecayOptimizer(_\d+)?|Momentum|RMSProp(_\d+)?"
    r"|Adafactor\w*|global_step|beta[12]_power|current_step|save_counter)(/|$)|_slot_|^\."
)
"""What optimizers keep."""
_SCOPE = re.compile(r"^(module|model)/")
"""What TensorFlow Hub and OpenAI put before all names."""
_MODEL = re.compile(r"tf_?[a-z0-9_]+")
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z_]*?)_?(\d+)")


def translate_keras(name: str, info: TensorInfo) -> Translation:
    """Translate the name of a variable of a Keras model, without the model's own name."""
    *levels, last = name.removesuffix(":0").split("/")
    if len(levels) > 1 and levels[0] == levels[1]:
        del levels[0]  # embeddings that are made outside of the layers that share them
    levels = [level.rpartition("___")[2] for level in levels]
    dotted = ".".join([*levels, last]).replace("_._", ".")
    *levels, last = (level for level in dotted.split(".") if level)
    torch_name = ".".join([*levels, _KERAS.get(last, last)])
    shape = info.shape
    if last == "kernel":
        return Translation(torch_name, kernel_axes(len(shape)))
    if last.endswith("_kernel"):
        return Translation(torch_name, tuple(range(len(shape)))[::-1])
    if last == "bias" and len(shape) == 2 and shape[0] == 1:
        return Translation(torch_name, shape=shape[1:])  # of GPT-2's projections
    if last == "logit_scale":
        return Translation(torch_name, shape=())
    if last == "weight_g":
        return Translation(torch_name, shape=shape[::-1])
    return Translation(torch_name)


def translate_bundle(name: str, info: TensorInfo) -> Translation | None:
    """Translate the name of a variable in a checkpoint of TensorFlow 1.

    What one architecture calls otherwise is left to its plugin's table of weight names.
    """
    if _NO_WEIGHTS.search(name) or "float" not in info.dtype:
        return None
    model, _, inner = name.partition("/")
    is_of_model = bool(inner and _MODEL.fullmatch(model))
    if is_of_model or "_._" in name:  # a variable of Keras, in a checkpoint of this kind
        return translate_keras(inner if is_of_model else name, info)
    *levels, last = _SCOPE.sub("", name).split("/")
    levels = [part for level in levels for part in _numbered(level)]
    torch_last = f"{last}.weight" if _EMBEDDINGS.fullmatch(last) else _BUNDLE.get(last, last)
    torch_name = ".".join([*levels, torch_last])
    shape = info.shape
    if last in _TURNED:
        return Translation(torch_name, kernel_axes(len(shape)))
    if last == "w" and len(shape) == 3 and shape[0] == 1:
        return Translation(torch_name, shape=shape[1:])
    return Translation(torch_name)


def _numbered(level: str) -> list[str]:
    """Return the levels that ``layer_3``, ``block_003`` or ``h3`` stands for."""
    match = _NUMBERED.fullmatch(level)
    return [level] if match is None else [match[1], str(int(match[2]))]
