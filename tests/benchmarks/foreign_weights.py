"""Time to load what TensorFlow and Flax wrote, against the same weights in safetensors.

Runs in the environment that ``nox -s foreign`` makes, with ``tests`` on the path; files are in the
page cache. *Pages read* sums every weight up, as the first use of a model reads it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import transformers
from flax import serialization

import automodel_core
from benchmarks.rounds import interleaved, table
from foreign.write import bundle

FORMS = ("safetensors", "tf_model.h5", "model.ckpt.index", "flax_model.msgpack")


def write(folder: Path, name: str) -> None:
    """Write the weights of a model of the base size in each form, into a folder of its own."""
    config = transformers.AutoConfig.for_model(name)
    model = transformers.TFAutoModel.from_config(config)
    model.build_in_name_scope()
    model.save_pretrained(folder / "tf_model.h5")
    target = folder / "model.ckpt.index"
    config.save_pretrained(target)
    variables = {weight.name.removesuffix(":0"): weight.numpy() for weight in model.weights}
    bundle(target / "model.ckpt", variables)
    tf.keras.backend.clear_session()
    automodel_core.AutoModel.from_pretrained(folder / "tf_model.h5").save_pretrained(
        folder / "safetensors"
    )
    flax = transformers.FlaxAutoModel.from_config(config)
    target = folder / "flax_model.msgpack"
    config.save_pretrained(target)
    (target / target.name).write_bytes(serialization.to_bytes(flax.params))


def load(folder: Path, *, read: bool) -> Any:
    model = automodel_core.AutoModel.from_pretrained(folder)
    if read:
        for parameter in model.parameters():
            value = parameter.detach()
            (value.t() if value.dim() == 2 and not value.is_contiguous() else value).sum()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--shapes", nargs="+", default=["bert", "vit"])
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="what the process computes, of use where others compute too (one thread)",
    )
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.shapes:
            folder = (options.folder or Path(temporary)) / name
            if not folder.exists():
                write(folder, name)
            for read in (False, True):
                loads = {form: partial(load, folder / form, read=read) for form in FORMS}
                result = interleaved(loads, options.rounds, clock)
                ratios = [f"{1 / result.ratio(form, FORMS[0]):.2f}" for form in FORMS[1:]]
                first = f"{result.median(FORMS[0]) * 1e3:.1f} ms"
                rows.append([name, "yes" if read else "no", first, *ratios])
    header = ["shape", "pages read", "safetensors", *(f"times, {form}" for form in FORMS[1:])]
    print(table("Weights of other frameworks, warm page cache", header, rows))


if __name__ == "__main__":
    main()
