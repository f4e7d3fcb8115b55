"""Time of ``from_pretrained``, against the plain reading of the same files, and its peak memory.

Contenders load the same checkpoint round by round, with files in the page cache. *Pages read* sums
every tensor up, as the first use of a model reads it. Each gets fresh memory from the
system, as the first load of a process does.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor

import automodel_core
from benchmarks.passes import PASSES
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import SHAPES

PEAK = """
import sys
import torch
import automodel_core
import automodel_core.modeling.pretrained.loading

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

name, folder, dtype = sys.argv[1:]
auto = getattr(automodel_core, name)
with torch.device("meta"):
    # Imports what a load imports.
    auto.from_config(automodel_core.AutoConfig.from_pretrained(folder))
before = peak()
for parameter in auto.from_pretrained(folder, dtype=dtype).parameters():
    parameter.detach().sum()
print(peak() - before)
"""


@dataclass(frozen=True)
class Checkpoint:
    """A folder with weights, and the Auto class that reads it."""

    folder: Path
    auto: str

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors"))

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file in self.files)

    def load(self, library: Any, **options: Any) -> list[Tensor]:
        """Return the parameters of the model that a library makes of it."""
        model = getattr(library, self.auto).from_pretrained(self.folder, **options)
        return [parameter.detach() for parameter in model.parameters()]

    def read(self) -> list[Tensor]:
        """Return the tensors of the files, mapped."""
        return [tensor for file in self.files for tensor in load_file(file).values()]

    def peak(self, dtype: str) -> int:
        """Return the bytes that a fresh process needs to load it and to read every page."""
        command = [sys.executable, "-c", PEAK, self.auto, str(self.folder), dtype]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout)


def checkpoints(folder: Path) -> dict[str, Checkpoint]:
    """Return how each shape's checkpoint is written into a folder, by name."""
    found = {
        name: Checkpoint(SHAPES[name].checkpoint(folder), SHAPES[name].auto)
        for name in ("t5-base", "marian", "gpt2", "vit-gpt2")
    }
    bodies = {"bert-base": "5GB", "vit-base": "5GB", "bert-base in shards": "2MB"}
    for name, shard in bodies.items():
        target = folder / "loading" / name
        if not (target / "config.json").exists():
            config = PASSES[name.removesuffix(" in shards")].config
            model = transformers.AutoModel.from_config(config)
            model.save_pretrained(target, max_shard_size=shard)
        found[name] = Checkpoint(target, "AutoModel")
    return found


def touched(tensors: Iterable[Tensor]) -> None:
    """Read every page of memory-mapped tensors, in the order in which they lie there."""
    for tensor in tensors:
        (tensor.t() if tensor.dim() == 2 and not tensor.is_contiguous() else tensor).sum()


def always_fresh() -> None:
    """Let the C library give memory back at once, so that no contender finds what another left."""
    threshold = -3  # M_MMAP_THRESHOLD of malloc.h
    with contextlib.suppress(AttributeError):  # of another C library than GNU's
        ctypes.CDLL(None).mallopt(threshold, 1 << 17)


def measure(
    name: str, checkpoint: Checkpoint, rounds: int, clock: Callable[[], float]
) -> list[str]:
    half: Any = {"dtype": torch.bfloat16}
    result = interleaved(
        {
            "ours": lambda: checkpoint.load(automodel_core),
            "file": checkpoint.read,
            "theirs": lambda: checkpoint.load(transformers),
            "ours read": lambda: touched(checkpoint.load(automodel_core)),
            "file read": lambda: touched(checkpoint.read()),
            "theirs read": lambda: touched(checkpoint.load(transformers)),
            "ours cast": lambda: checkpoint.load(automodel_core, **half),
            "file cast": lambda: [t.to(torch.bfloat16) for t in checkpoint.read()],
        },
        rounds,
        clock,
    )
    return [
        f"{name}, {checkpoint.size / 1e6:.0f} MB, {len(checkpoint.files)}",
        f"{result.median('ours') * 1e3:.1f} ms",
        f"{1 / result.ratio('ours', 'file'):.2f}",
        f"{1 / result.ratio('ours read', 'file read'):.2f}",
        f"{1 / result.ratio('ours cast', 'file cast'):.2f}",
        f"{result.ratio('ours', 'theirs'):.1f}",
        f"{result.ratio('ours read', 'theirs read'):.1f}",
        f"{checkpoint.peak('float32') / checkpoint.size:.2f}",
        f"{checkpoint.peak('bfloat16') / checkpoint.size:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--shapes", nargs="+", help="measure these only")
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="what the process computes, of use where others compute too (one thread)",
    )
    options = parser.parse_args()
    always_fresh()
    clock = time.process_time if options.cpu_time else time.perf_counter
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        found = checkpoints(options.folder or Path(temporary))
        named = options.shapes or list(found)
        rows = [measure(name, found[name], options.rounds, clock) for name in named]
    header = [
        "shape, size, files",
        "from_pretrained",
        "times load_file",
        "pages read",
        "cast to bfloat16",
        "faster than transformers",
        "pages read",
        "peak memory / file",
        "cast",
    ]
    print(table("from_pretrained, warm page cache", header, rows))


if __name__ == "__main__":
    main()
