"""Scripts that several processes run together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["join", "run_together"]

TESTS = Path(__file__).parents[1]


def run_together(script: Path, folder: Path, processes: int = 2) -> None:
    """Run a script in some processes, each with the folder as argument; fail if one fails."""
    runs = [
        subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(TESTS),
                "PYTHONWARNINGS": "error",
                "RANK": str(rank),
                "WORLD_SIZE": str(processes),
            },
        )
        for rank in range(processes)
    ]
    try:
        outputs = [run.communicate(timeout=180)[0] for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == [0] * processes, "\n".join(outputs)


def join(folder: Path) -> int:
    """Join the processes that `run_together` started, and return this one's number."""
    import torch.distributed as dist

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = f"file://{folder / f'store-of-{size}'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=size)
    return rank
