"""Run the benchmarks named, by default all: ``python -m benchmarks [NAME ...] [OPTIONS]``.

``tests`` must be on the path. Options go to each of them.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

MODULES = (
    "imports",
    "tokenizers",
    "loading",
    "kernels",
    "forward",
    "texts",
    "generation",
    "weights",
    "quality",
    "lengths",
    "tables",
    "boxes",
    "examples",
    "speaking",
    "transcription",
)

named = list(itertools.takewhile(MODULES.__contains__, sys.argv[1:]))
options = sys.argv[1 + len(named) :]
for module in named or MODULES:
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *options], check=True)
