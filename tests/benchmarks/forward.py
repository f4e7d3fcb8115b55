"""Milliseconds and peak memory of one pass without a cache, against transformers and onnxruntime.

The floor is the time of the same matrix products alone, each by the fastest routine at hand.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers

from benchmarks.passes import CONTENDERS, PASSES, TOKENS, peak
from benchmarks.rounds import interleaved, table

ROWS = (1, 8)
MEASURED = ("automodel", "transformers", "onnxruntime")
"""Who takes memory for a model."""


def measure(folder: Path, name: str, rows: int, options: argparse.Namespace) -> list[str]:
    """Return a row of the table, and raise where two models say different things."""
    shape = PASSES[name]
    runs = {who: CONTENDERS[who](folder, shape, rows) for who in options.contenders}
    expected = runs[options.contenders[0]]()
    for who, run in runs.items():
        found = run()
        if found is not None:
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3, msg=who)
    clock = time.process_time if options.cpu_time else time.perf_counter
    result = interleaved(runs, options.rounds, clock)
    del runs
    first, *others = options.contenders
    cells = [name, str(rows), f"{result.median(first) * 1e3:.0f}"]
    for who in others:
        cells += [f"{result.median(who) * 1e3:.0f}", f"{result.ratio(first, who):.2f}"]
    if options.memory:
        takers = [who for who in options.contenders if who in MEASURED]
        cells += [str(peak(folder, name, rows, who)) for who in takers]
    print(*cells, sep=" | ", file=sys.stderr, flush=True)
    return cells


def main() -> None:
    here = [
        who
        for who in CONTENDERS
        if who != "onnxruntime" or importlib.util.find_spec("onnxruntime") is not None
    ]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--shapes", nargs="+", choices=PASSES, default=list(PASSES))
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=here)
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    parser.add_argument("--cpu-time", action="store_true", help="on one thread, beside other work")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too, in MiB")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        lines = [
            measure(folder, name, rows, options) for name in options.shapes for rows in options.rows
        ]
    first, *others = options.contenders
    header = ["shape", "rows", first, *(cell for who in others for cell in (who, "times"))]
    if options.memory:
        header += [f"{who}, MiB" for who in options.contenders if who in MEASURED]
    threads = torch.get_num_threads()
    title = f"One pass, ms, fp32, {threads} threads, {TOKENS} tokens, one image, or two seconds"
    print(table(title, header, lines))


if __name__ == "__main__":
    main()
