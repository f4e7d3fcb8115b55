"""Write the small files of TensorFlow and Flax that the default tests read.

``python -m foreign.write``, in the environment of ``nox -s foreign``; each folder has the outputs
of the framework's own model in ``expected.json``, beside the inputs. Two of them are demos.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax
import numpy as np
import tensorflow as tf

from foreign.cases import Case
from foreign.frameworks import build, inputs_of, outputs_of, save

__all__ = ["write_all"]

SIZES = {"vocab_size": 40, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2}
BERT = {**SIZES, "intermediate_size": 6, "max_position_embeddings": 8}
GPT2 = {"vocab_size": 40, "n_positions": 8, "n_embd": 4, "n_layer": 1, "n_head": 2}
VIT = {key: BERT[key] for key in BERT if key not in ("vocab_size", "max_position_embeddings")}
VIT |= {"image_size": 8, "patch_size": 4}
CAPTIONS = {
    "encoder": {**VIT, "model_type": "vit"},
    "decoder": {**GPT2, "model_type": "gpt2", "is_decoder": True, "add_cross_attention": True},
    "decoder_start_token_id": 2,
    "pad_token_id": 0,
}
MASKED = Case("bert", "MaskedLM", BERT)
PRETRAINED = Case("bert", "PreTraining", BERT)
WRITER = Case("gpt2", "CausalLM", GPT2)
CAPTIONER = Case("vision-encoder-decoder", "Vision2Seq", CAPTIONS, "image to text")

Arrays = Mapping[str, Any]


ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "foreign" / "data"
DEMOS = ROOT / "docs" / "demo"


def write_all(root: Path, demos: Path) -> None:
    """Write one folder for each form of file."""
    kept("keras", MASKED, "tf", root)
    kept("keras-safetensors", MASKED, "tf", root, safe_serialization=True)
    kept("flax", WRITER, "flax", root)
    kept("flax-shards", MASKED, "flax", root, max_shard_size="1KB")
    kept("flax-safetensors", WRITER, "flax", root, safe_serialization=True)
    google(demos / "tf_bert")
    captions(demos / "tf_model")
    slices(root / "slices")
    chunks(root / "chunks")


def kept(name: str, case: Case, framework: str, root: Path, **options: Any) -> None:
    """Save a model in the usual way of its framework, with what it computes."""
    model = build(case, framework)
    save(model, root / name, **options)
    expect(case, model, framework, root / name)


def expect(case: Case, model: Any, framework: str, folder: Path) -> None:
    """Write inputs and outputs beside a model's files."""
    inputs = inputs_of(case)
    outputs = outputs_of(model, framework, inputs)
    told = {"auto_class": f"AutoModelFor{case.head}", "inputs": inputs, "outputs": outputs}
    text = json.dumps(told, default=lambda array: array.tolist())
    rounded = re.sub(r"-?\d+\.\d+(e-\d+)?", lambda number: f"{float(number[0]):.7g}", text)
    (folder / "expected.json").write_text(rounded + "\n")


def google(folder: Path) -> None:
    """Write a BERT as Google's own code did: its names, and what an optimizer keeps."""
    model = build(PRETRAINED, "tf")
    model.config.save_pretrained(folder)
    expect(PRETRAINED, model, "tf", folder)
    variables = {}
    for weight in model.weights:
        name = weight.name.removesuffix(":0").partition("/")[2]
        name = re.sub(r"\w+___", "", name).replace("layer_._", "layer_")
        name = re.sub(r"(\w+_embeddings)/\w+$", r"\1", name)
        name = name.replace("predictions/bias", "predictions/output_bias")
        value = weight.numpy()
        if "seq_relationship" in name:
            name = name.replace("kernel", "output_weights").replace("/bias", "/output_bias")
            value = value.T if value.ndim == 2 else value
        variables[name] = value
        if "query" in name:
            variables[f"{name}/adam_m"] = value * 0
    variables["global_step"] = np.array(7)
    bundle(folder / "bert_model.ckpt", variables)


def captions(folder: Path) -> None:
    """Write a captioning model as a checkpoint of TensorFlow 1."""
    model = build(CAPTIONER, "tf")
    model.config.save_pretrained(folder)
    expect(CAPTIONER, model, "tf", folder)
    variables = {weight.name.removesuffix(":0"): weight.numpy() for weight in model.weights}
    bundle(folder / "vision_encoder_decoder_checkpoint.ckpt", variables)


def bundle(prefix: Path, variables: Arrays) -> None:
    """Write variables as a checkpoint of TensorFlow 1."""
    names = sorted(variables)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(variables[name]) for name in names],
    )


def slices(folder: Path) -> None:
    """Write a variable in three slices, and one of each dtype."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(3)
    values = draw.standard_normal((100, 3)).astype("float32")
    cut = {"0,34": values[:34], "34,33": values[34:67], "67,33": values[67:]}
    dtypes = ("float64", "int32", "uint8", "int16", "int8", "int64", "bool", "bfloat16", "float16")
    others = [tf.cast(tf.constant([[0, 1, 1]]), name) for name in dtypes]
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt"),
        tensor_names=["embeddings"] * 3 + list(dtypes) + ["empty", "scalar", "text"],
        shape_and_slices=[f"100 3 {extent}:-" for extent in cut] + [""] * (len(dtypes) + 3),
        tensors=[
            *(tf.constant(part) for part in cut.values()),
            *others,
            tf.zeros([0, 4]),
            tf.constant(2.5),
            tf.constant("text"),
        ],
    )
    (folder / "expected.json").write_text(json.dumps(values.tolist()) + "\n")


def chunks(folder: Path) -> None:
    """Write an array in chunks, one of each dtype, and the state of a training."""
    folder.mkdir(parents=True)
    flax.serialization.MAX_CHUNK_SIZE = 64
    values = np.arange(40, dtype="float32").reshape(5, 8)
    dtypes = ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    arrays = {name: np.array([[0, 1, 1]], dtype=jax_dtype(name)) for name in dtypes}
    state = {
        "params": {"layer": {"0": {"kernel": values, "bias": values[0]}}, **arrays},
        "batch_stats": {"norm": {"mean": values[1], "var": values[2]}},
        "opt_state": {"0": {"mu": values[3], "rate": 0.5, "none": None, "small": -3, "big": -300}},
        "step": 70_000,
    }
    (folder / "flax_model.msgpack").write_bytes(flax.serialization.msgpack_serialize(state))


def jax_dtype(name: str) -> Any:
    return np.dtype(tf.as_dtype(name).as_numpy_dtype)


if __name__ == "__main__":
    write_all(DATA, DEMOS)
