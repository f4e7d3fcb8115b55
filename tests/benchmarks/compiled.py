"""Tokens a second of compiled decoding, against uncompiled, transformers and the memory's limit."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from automodel_core import CompileConfig
from benchmarks.command import checkpoints_in, command, each_case, with_cases
from benchmarks.generation import streamed
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import CASES, NEW_TOKENS, SHAPES, SOURCE

HEADER = [
    "shape",
    "case",
    "compiled tokens/s",
    "of the memory's limit",
    "uncompiled",
    "ratio",
    "transformers",
    "ratio",
    "transformers, static cache, compiled",
    "ratio",
    "same ids",
    "first call",
]


def bandwidth(device: str) -> float:
    """Return bytes a second at which one tensor of a gigabyte is read."""
    numbers = torch.zeros(1 << 28, device=device)
    seconds = min(interleaved({"read": lambda: numbers.sum().item()}, 7).seconds["read"])
    return numbers.nbytes / seconds


def theirs_compiled() -> dict[str, Any]:
    """Return what makes transformers compile its step, which it does by itself on a GPU alone."""
    config = transformers.CompileConfig()
    config._compile_all_devices = True
    return {"cache_implementation": "static", "compile_config": config}


def measure(
    folder: Path, name: str, case: str, rounds: int, device: str, speed: float
) -> list[str]:
    """Return a row of the table."""
    shape, (rows, beams) = SHAPES[name], CASES[case]
    options = {"dtype": torch.bfloat16 if device == "cuda" else torch.float32}
    ours = shape.ours(folder, **options).to(device)
    theirs = shape.theirs(folder, **options).to(device)
    torch.manual_seed(1)
    inputs = {key: value.to(device) for key, value in shape.inputs(shape.config, rows).items()}
    settings = {
        "max_new_tokens": NEW_TOKENS,
        "do_sample": False,
        "eos_token_id": None,
        "num_beams": beams,
    }
    found: dict[str, list[list[int]]] = {}

    def run(contender: str, model: Any, **more: Any) -> Callable[[], None]:
        def once() -> None:
            ids = model.generate(**inputs, **settings, **more)
            found[contender] = ids[:, -NEW_TOKENS:].tolist()

        return once

    compiled = run("compiled", ours, compile_config=CompileConfig(fullgraph=True))
    start = time.perf_counter()
    compiled()
    first = time.perf_counter() - start
    result = interleaved(
        {
            "compiled": compiled,
            "uncompiled": run("uncompiled", ours),
            "theirs": run("theirs", theirs),
            "theirs compiled": run("theirs compiled", theirs, **theirs_compiled()),
        },
        rounds,
    )
    decoded = rows * NEW_TOKENS
    rate = decoded / result.median("compiled")
    row = [name, case, f"{rate:.0f}", f"{rate * streamed(ours) / (rows * speed):.0%}"]
    for other in ("uncompiled", "theirs", "theirs compiled"):
        row.append(f"{decoded / result.median(other):.0f}")
        row.append(f"{result.ratio('compiled', other):.2f}")
    same = found["compiled"] == found["uncompiled"]
    return [*row, "yes" if same else "NO", f"{first:.0f} s"]


def main() -> None:
    parser = with_cases(command(__doc__))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with checkpoints_in(options) as folder:
        speed = bandwidth(options.device)
        more = options.rounds, options.device, speed
        rows = each_case(options, lambda *of: measure(folder, *of, *more))
    where = (
        torch.cuda.get_device_name()
        if options.device == "cuda"
        else f"{torch.get_num_threads()} threads"
    )
    print(
        table(
            f"compiled generate(), {where}, {SOURCE} source and {NEW_TOKENS} new tokens, memory "
            f"read at {speed / 1e9:.0f} GB/s",
            HEADER,
            rows,
        )
    )


if __name__ == "__main__":
    main()
