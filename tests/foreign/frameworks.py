"""Models of the frameworks: built with random weights, run, and saved.

What transformers 4.57.6 has of TensorFlow and Flax; every weight is random, biases and norms, too.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import numpy as np
import tensorflow as tf
import transformers

from foreign.cases import Case

__all__ = ["ModelOf", "build", "inputs_of", "outputs_of"]

ModelOf = Any
Arrays = Mapping[str, Any]

clip = jax.numpy.clip


def _clip(values: Any, *bounds: Any, a_min: Any = None, a_max: Any = None) -> Any:
    """``jnp.clip`` with the names of arguments that it had, which Flax's T5 uses."""
    return clip(values, *bounds) if a_min is a_max is None else clip(values, a_min, a_max)


jax.numpy.clip = _clip


def build(case: Case, framework: str, seed: int = 0) -> ModelOf:
    """Return a model of ``"tf"`` or ``"flax"`` with random weights."""
    keys = copy.deepcopy({**case.keys, **case.flags})
    config = transformers.AutoConfig.for_model(case.model_type, **keys)
    config.architectures = []
    prefix = {"tf": "TF", "flax": "Flax"}[framework]
    head = f"For{case.head}" if case.head else ""
    own = f"{prefix}{type(config).__name__.removesuffix('Config')}{head}"
    if own in dir(transformers):  # the Auto classes lack some
        model = getattr(transformers, own)(config)
    else:
        model = getattr(transformers, f"{prefix}AutoModel{head}").from_config(config)
    randomise(model, framework, seed, inputs_of(case))
    return model


def randomise(model: ModelOf, framework: str, seed: int, inputs: Arrays) -> None:
    """Give every weight random values; those of norms and variances stay positive."""
    draw = np.random.default_rng(seed)

    def values(name: str, shape: Any) -> Any:
        drawn = draw.standard_normal(shape) * 0.3
        positive = any(part in name for part in ("gamma", "scale", "var", "running"))
        return (abs(drawn) + 0.5 if positive and "logit" not in name else drawn).astype("float32")

    if framework == "tf":
        model(**inputs, training=False)
        for weight in model.weights:
            if weight.dtype.is_floating:
                weight.assign(values(weight.name, tuple(weight.shape)))
        named = {weight.name.partition("/")[2]: weight for weight in model.weights}
        if "predictions/decoder/bias:0" in named:  # two names of one bias, in all files
            named["predictions/decoder/bias:0"].assign(named["predictions/bias:0"])
        return
    path_of = jax.tree_util.keystr
    model.params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: values(path_of(path), leaf.shape), model.params
    )


def inputs_of(case: Case) -> dict[str, Any]:
    """Return small inputs as arrays of NumPy."""
    ids = np.array([[5, 6, 7, 8, 2], [10, 11, 12, 13, 2]], dtype="int32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], dtype="int32")
    text = {"input_ids": ids, "attention_mask": mask}
    draw = np.random.default_rng(2)
    sound = draw.standard_normal((2, 40)).astype("float32")
    spectrum = draw.standard_normal((2, 6, 20)).astype("float32")
    pixels = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype("float32")
    if case.model_type.startswith("deberta"):  # which computes something else at padding
        text["attention_mask"] = np.ones_like(mask)
    if case.model_type == "electra":  # without them, Flax reads a text as the second
        text["token_type_ids"] = np.zeros_like(ids)
    if case.head == "MultipleChoice":
        return {key: np.stack([value, value[::-1]], axis=1) for key, value in text.items()}
    if case.model_type == "gpt2" and case.head == "SequenceClassification":
        return {"input_ids": ids[:1]}
    match case.inputs:
        case "seq2seq" if case.head not in ("TextEncoding", "SequenceClassification"):
            return {**text, "decoder_input_ids": ids[:, :3]}
        case "layout":
            boxes = np.arange(40, dtype="int32").reshape(2, 5, 4) % 16
            boxes[..., 2:] += boxes[..., :2]
            return {**text, "bbox": boxes}
        case "image to text":
            return {"pixel_values": pixels, "decoder_input_ids": ids[:, :3]}
        case "image and points":
            points = np.array([[[[1.0, 2.0]]], [[[5.0, 3.0]]]], dtype="float32")
            return {"pixel_values": pixels, "input_points": points}
        case "sound":
            return {"input_values": sound}
        case "sound to text":
            return {"inputs": sound, "decoder_input_ids": ids[:, :3]}
        case "spectrum":
            return {"input_features": spectrum}
        case "spectrum to text":
            return {"input_features": spectrum, "decoder_input_ids": ids[:, :3]}
        case "image":
            return {"pixel_values": pixels}
        case "image and text":
            return {**text, "pixel_values": pixels}
    return text


def outputs_of(model: ModelOf, framework: str, inputs: Arrays) -> dict[str, Any]:
    """Return the arrays that a model answers with."""
    found = model(**inputs, **({"training": False} if framework == "tf" else {}))
    wanted = ("logits", "last_hidden_state", "prediction_logits", "seq_relationship_logits",
              "sop_logits", "start_logits", "end_logits", "logits_per_image", "reconstruction",
              "text_embeds", "iou_scores", "pred_masks")  # fmt: skip
    return {key: np.asarray(value) for key in wanted if (value := found.get(key)) is not None}


def save(model: ModelOf, folder: Path, **options: Any) -> None:
    """Save a model in the usual way of its framework."""
    model.save_pretrained(folder, **options)
    tf.keras.backend.clear_session()
