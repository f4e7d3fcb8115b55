"""Run a model that is larger than the memory that this process may take.

    python docs/scale/limited.py big-checkpoint --megabytes 200

The limit is on top of what Python and torch take. Weights stay on disk, are read as their layer
runs, and forgotten behind it.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import torch

from automodel_core import AutoModelForCausalLM


def taken() -> int:
    """Return the bytes of data that this process has."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell how much memory a process has")


def run(checkpoint: Path, megabytes: int, device_map: str) -> None:
    """Load and run the model within so many megabytes."""
    torch.set_num_threads(1)
    torch.ones(8, 8) @ torch.ones(8, 8)  # what torch takes at first
    limit = taken() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    size = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors"))
    model = AutoModelForCausalLM.from_pretrained(checkpoint, device_map=device_map)
    tokens = model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=4)
    print(f"{size / 2**20:.0f} MB of weights: {tokens[0].tolist()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--device-map", default="disk")
    chosen = parser.parse_args()
    run(chosen.checkpoint, chosen.megabytes, chosen.device_map)
