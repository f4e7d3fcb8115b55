"""Run all benchmarks: ``python -m benchmarks`` with ``tests`` on the path."""

from __future__ import annotations

import subprocess
import sys

MODULES = "imports loading kernels forward generation weights quality lengths compiled"

for module in MODULES.split():
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *sys.argv[1:]], check=True)
