"""Time of ``from_pretrained``, against the plain reading of the same file, and its peak memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

from automodel_core import AutoModelForSeq2SeqLM
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import SHAPES

MEASURED = ("t5-small", "t5-base")
PEAK = """
import sys
import automodel_core.modeling.pretrained.loading, automodel_t5.modeling
from automodel_core import AutoModelForSeq2SeqLM

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

before = peak()
model = AutoModelForSeq2SeqLM.from_pretrained(sys.argv[1])
for parameter in model.parameters():
    parameter.detach().sum()
print(peak() - before)
"""


def touched(tensors: list[torch.Tensor]) -> None:
    """Read every page of memory-mapped tensors."""
    for tensor in tensors:
        tensor.view(torch.int64).sum()


def measure(folder: Path, shape: str, rounds: int) -> list[str]:
    checkpoint = SHAPES[shape].checkpoint(folder)
    file = checkpoint / "model.safetensors"
    result = interleaved(
        {
            "ours": lambda: AutoModelForSeq2SeqLM.from_pretrained(checkpoint),
            "file": lambda: load_file(file),
            "theirs": lambda: transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint),
            "ours read": lambda: touched(
                [p.data for p in AutoModelForSeq2SeqLM.from_pretrained(checkpoint).parameters()]
            ),
            "file read": lambda: touched(list(load_file(file).values())),
        },
        rounds,
    )
    peak = subprocess.run(
        [sys.executable, "-c", PEAK, str(checkpoint)], check=True, capture_output=True, text=True
    )
    return [
        shape,
        f"{file.stat().st_size / 1e6:.0f} MB",
        f"{result.median('ours') * 1e3:.1f} ms",
        f"{result.median('file') * 1e3:.1f} ms",
        f"{1 / result.ratio('ours', 'file'):.2f}",
        f"{1 / result.ratio('ours read', 'file read'):.2f}",
        f"{result.ratio('ours', 'theirs'):.1f}",
        f"{int(peak.stdout) / file.stat().st_size:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows = [measure(folder, shape, options.rounds) for shape in MEASURED]
    header = [
        "shape",
        "file",
        "from_pretrained",
        "load_file",
        "times load_file",
        "the same, all pages read",
        "faster than transformers",
        "peak memory / file",
    ]
    print(table("from_pretrained, warm page cache", header, rows))


if __name__ == "__main__":
    main()
