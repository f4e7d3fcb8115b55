"""Processes that share a model run as many forwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOGETHER = """
import sys
import torch
import torch.distributed as dist

from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

rank, store = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
for make in (drawn, drawn_pair):
    model, calls = make(seed=0, eos_token_id=None), []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    ids = torch.tensor([[3, 4, 5]])
    for synced in (True, False, None):
        for beams in (1, 2):
            calls.clear()
            model.generate(ids, max_new_tokens=3 + 4 * rank, num_beams=beams, synced_gpus=synced)
            print(len(calls), end=" ")
dist.destroy_process_group()
"""


def test_processes_run_as_many_forwards(tmp_path):
    tests = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, str(rank), str(tmp_path / "store")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    results = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], results
    alone = ["3 3 3 3", "7 7 7 7"]
    assert [out.split() for out, _ in results] == [
        [*["7", "7"], *alone[rank].split()] * 2 for rank in range(2)
    ]
