"""Time of all matrix products of one decoding step, by kernel and number of rows."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from automodel_core.layers.kernels.cpu_products import KERNELS, runs_here
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import SHAPES

ROWS = (1, 4, 8, 32)
MEASURED = ("t5-small", "t5-base")


def weights(shape: str) -> list[torch.Tensor]:
    """Return a decoder's weights, q, k and v joined, and the output layer's."""
    config = SHAPES[shape].config
    width, wide, inner = config.d_model, config.d_ff, config.num_heads * config.d_kv
    layer = [(3 * inner, width), (width, inner), (inner, width), (width, inner)]
    sizes = [*layer, (wide, width), (width, wide)] * config.num_layers
    return [torch.randn(size) for size in (*sizes, (config.vocab_size, width))]


def measure(shape: str, rows: int, rounds: int) -> list[str]:
    """Return a row of the table: milliseconds of each kernel that runs here."""
    matrices = weights(shape)
    inputs = {width: torch.randn(rows, width) for width in {m.shape[1] for m in matrices}}

    def run(name: str) -> Callable[[], None]:
        products = [(KERNELS[name](m, None, rows), inputs[m.shape[1]]) for m in matrices]

        def step() -> None:
            for product, states in products:
                product(states)

        return step

    names = [name for name, kernel in KERNELS.items() if runs_here(kernel)]
    result = interleaved({name: run(name) for name in names}, rounds)
    times = [f"{result.median(n) * 1e3:.1f}" if n in names else "-" for n in KERNELS]
    return [shape, str(rows), *times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    rows = [measure(shape, number, rounds) for shape in MEASURED for number in ROWS]
    title = f"Matrix products of a step, ms, {torch.get_num_threads()} threads"
    print(table(title, ["shape", "rows", *KERNELS], rows))


if __name__ == "__main__":
    main()
