"""Tokens a second of ``generate()``, against transformers, CTranslate2 and the memory's limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from automodel_core.layers.kernels.cpu_products import kernel_for
from automodel_core.layers.stack import TransformerStack
from benchmarks.command import checkpoints_in, command, each_case, with_cases
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import CASES, NEW_TOKENS, SHAPES, SOURCE

HEADER = [
    "shape",
    "case",
    "automodel tokens/s",
    "transformers",
    "ratio",
    "ratio without forced length",
    "CTranslate2",
    "ratio",
    "same ids",
    "memory's limit",
]


class Stream:
    """One row through 512 MB of weights: how fast memory is at the time."""

    def __init__(self) -> None:
        weights = [torch.ones(4096, 4096) for _ in range(8)]
        self._layers = [kernel_for(weight, 1)(weight, None, 1) for weight in weights]
        self._row = torch.ones(1, 4096)
        self.bytes = sum(weight.nbytes for weight in weights)

    def __call__(self) -> None:
        for layer in self._layers:
            layer(self._row)


def streamed(model: Any) -> int:
    """Return the bytes that each step reads: the decoder's layers and the output layer.

    Keys and values of the encoder's states are made once.
    """
    encoding = set(model.get_encoder().modules()) if model.config.is_encoder_decoder else set()
    read = [
        weight
        for stack in set(model.modules()) - encoding
        if isinstance(stack, TransformerStack)
        for name, weight in stack.named_parameters()
        if "cross_attn.k_" not in name and "cross_attn.v_" not in name
    ]
    return sum(weight.nbytes for weight in (*read, model.get_output_embeddings().weight))


def measure(folder: Path, name: str, case: str, rounds: int, stream: Stream) -> list[str]:
    """Return a row of the table."""
    shape, (rows, beams) = SHAPES[name], CASES[case]
    ours, theirs = shape.ours(folder), shape.theirs(folder)
    torch.manual_seed(1)
    inputs = shape.inputs(shape.config, rows)
    forced = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    free = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "eos_token_id": None}
    found: dict[str, list[list[int]]] = {}

    def run(contender: str, model: Any, settings: dict[str, Any]) -> Callable[[], None]:
        def once() -> None:
            ids = model.generate(**inputs, num_beams=beams, **settings)
            found[contender] = ids[:, -NEW_TOKENS:].tolist()

        return once

    contenders = {
        "ours": run("ours", ours, forced),
        "theirs": run("theirs", theirs, forced),
        **shape.third_party(folder, inputs, beams),
        "ours free": run("ours free", ours, free),
        "theirs free": run("theirs free", theirs, free),
        "stream": stream,
    }
    result = interleaved(contenders, rounds)
    decoded, third = rows * NEW_TOKENS, "CTranslate2"
    speed = stream.bytes / min(result.seconds["stream"])
    return [
        name,
        case,
        f"{decoded / result.median('ours'):.0f}",
        f"{decoded / result.median('theirs'):.0f}",
        f"{result.ratio('ours', 'theirs'):.2f}",
        f"{result.ratio('ours free', 'theirs free'):.2f}",
        f"{decoded / result.median(third):.0f}" if third in contenders else "-",
        f"{result.ratio('ours', third):.2f}" if third in contenders else "-",
        sameness(found),
        f"{rows * speed / streamed(ours):.0f} ({speed / 1e9:.0f} GB/s)",
    ]


def sameness(found: dict[str, list[list[int]]]) -> str:
    """Return whether both wrote the same, and how many different tokens a text holds at least."""
    same = all(found[f"ours{how}"] == found[f"theirs{how}"] for how in ("", " free"))
    different = min(len(set(row)) for row in found["ours"])
    return f"{'yes' if same else 'NO'}, {different} different"


def main() -> None:
    options = with_cases(command(__doc__)).parse_args()
    with checkpoints_in(options) as folder:
        stream = Stream()
        rows = each_case(options, lambda *of: measure(folder, *of, options.rounds, stream))
    print(
        table(
            f"generate(), greedy unless beams, fp32, {torch.get_num_threads()} threads, "
            f"{SOURCE} source and {NEW_TOKENS} new tokens",
            HEADER,
            rows,
        )
    )


if __name__ == "__main__":
    main()
