"""Time of a token by how many were written before it, with what attention must add to it."""

from __future__ import annotations

import itertools
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import checkpoints_in, command
from benchmarks.generation import streamed
from benchmarks.rounds import table
from benchmarks.shapes import SHAPES, SOURCE

SPANS = ((2, 128), (129, 256), (257, 512), (513, 896))
MEASURED = ("gpt2", "t5-small")


class Clock:
    """A streamer that notes when tokens come."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: Any) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        """Do nothing."""


def steps(model: Any, inputs: dict[str, torch.Tensor]) -> list[float]:
    """Return the seconds of each token but the first, which waits for the prompt to be read."""
    clock, written = Clock(), SPANS[-1][1]
    model.generate(
        **inputs, max_new_tokens=written, do_sample=False, eos_token_id=None, streamer=clock
    )
    _, *times = clock.times
    return [after - before for before, after in itertools.pairwise(times)]


def kept(model: Any) -> int:
    """Return the bytes of keys and values that the decoder's cache keeps of a token."""
    config = model.config.get_text_config(decoder=True)
    layers = config.get("num_decoder_layers") or config.num_hidden_layers
    return int(2 * layers * config.hidden_size * 4)


def measure(folder: Path, name: str, rounds: int) -> list[list[str]]:
    """Return a row for each span: milliseconds, growth, and the growth of what must be read."""
    shape = SHAPES[name]
    model = shape.ours(folder)
    torch.manual_seed(1)
    inputs = shape.inputs(shape.config, 1)
    before = 0 if model.config.is_encoder_decoder else SOURCE
    runs = [steps(model, inputs) for _ in range(rounds + 1)][1:]
    best = [min(times) for times in zip(*runs, strict=True)]
    rows: list[tuple[float, float]] = []
    for first, last in SPANS:
        middle = before + (first + last) / 2
        seconds = statistics.mean(best[first - 2 : last - 1])
        rows.append((seconds, streamed(model) + kept(model) * middle))
    return [
        [
            name,
            f"{first}-{last}",
            f"{seconds * 1e3:.2f}",
            f"{seconds / rows[0][0]:.2f}",
            f"{read / rows[0][1]:.2f}",
        ]
        for (first, last), (seconds, read) in zip(SPANS, rows, strict=True)
    ]


def main() -> None:
    options = command(__doc__, MEASURED).parse_args()
    with checkpoints_in(options) as folder:
        rows = [row for name in options.shapes for row in measure(folder, name, options.rounds)]
    header = ["shape", "tokens", "ms a token", "growth", "growth of the bytes read"]
    print(table(f"Tokens of a long text, {torch.get_num_threads()} threads", header, rows))


if __name__ == "__main__":
    main()
