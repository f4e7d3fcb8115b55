"""The scripts of the page on scale do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from automodel_core import AutoModelForSeq2SeqLM
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel

pytest.importorskip("ray", reason="scripts of several processes run with the large packages")

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "docs" / "scale"
DEMO = ROOT / "docs" / "demo" / "checkpoint"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPTS)}


def run(*command: object, works: bool = True) -> str:
    """Return what a Python command prints."""
    ran = subprocess.run(
        [sys.executable, *map(str, command)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ran.returncode == 0) is works, ran.stdout
    return ran.stdout


def torchrun(processes: int, *command: object) -> str:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes)
    return run(*launcher, *command)


def losses(printed: str) -> dict[int, float]:
    return {int(n): float(v) for n, v in re.findall(r"^step (\d+): loss (.*)$", printed, re.M)}


def test_training_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    script = SCRIPTS / "train.py"
    alone = losses(torchrun(1, script, DEMO, tmp_path / "alone", "--steps", 4))
    first = losses(torchrun(2, script, DEMO, tmp_path / "together", "--steps", 2))
    second = losses(torchrun(3, script, DEMO, tmp_path / "together", "--steps", 4))
    assert list(first) == [1, 2]
    assert list(second) == [3, 4]
    assert {**first, **second} == pytest.approx(alone, rel=1e-3)
    states = [
        AutoModelForSeq2SeqLM.from_pretrained(tmp_path / name).state_dict()
        for name in ("alone", "together")
    ]
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_processes_generate_together() -> None:
    printed = torchrun(2, SCRIPTS / "generate.py", DEMO, "forty-two", "nine thousand and sixty")
    assert printed.splitlines()[-2:] == ["42", "9060"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_model_larger_than_the_memory(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    config = GPT2Config(
        n_embd=512, n_layer=24, n_head=8, vocab_size=1000, n_positions=64,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config).eval()
    model.save_pretrained(tmp_path, max_shard_size="30MB")
    tokens = model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=4)
    script = SCRIPTS / "limited.py"
    printed = run(script, tmp_path, "--megabytes", 200)
    assert f"291 MB of weights: {tokens[0].tolist()}" in printed
    # The limit is none that the whole model would fit.
    run(script, tmp_path, "--megabytes", 200, "--device-map", "cpu", works=False)


LOSES = """
import os, sys, time
from pathlib import Path

import ray

import batch_inference

checkpoint, folder, fails = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "fails"
seen, lost = folder / "seen", folder / "lost"

class Losing(batch_inference.Answers):
    def __call__(self, batch):
        with seen.open("a") as file:
            file.write(" ".join(map(str, batch["id"])) + "\\n")
        if not lost.exists():
            lost.touch()
            os._exit(1)  # a worker is lost
        if fails and len(seen.read_text().splitlines()) == 7:
            while not list(folder.glob("answers/done/*.parquet")):
                time.sleep(0.2)
            raise RuntimeError("the run is lost")
        return super().__call__(batch)

ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
batch_inference.answer(
    checkpoint, folder / "questions", folder / "answers", 1,
    batch_size=4, block_size=4, worker=Losing,
)
"""


def test_ray_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "questions").mkdir()
    spelled = ["forty-two", "nine", "seven", "eleven"]
    for number in range(8):
        ids = list(range(4 * number, 4 * number + 4))
        table = pa.table({"id": ids, "text": spelled})
        pq.write_table(table, tmp_path / "questions" / f"{number}.parquet")
    seen = tmp_path / "seen"
    run("-c", LOSES, DEMO, tmp_path, "fails", works=False)
    batches = seen.read_text().splitlines()
    assert batches[0] in batches[1:]  # given to another worker
    done = pq.read_table(tmp_path / "answers" / "done").column("id").to_pylist()
    assert 0 < len(done) < 32
    seen.write_text("")
    run("-c", LOSES, DEMO, tmp_path, "works")
    again = {int(number) for number in seen.read_text().split()}
    assert again == {*range(32)} - {*done}
    rows = pq.read_table(tmp_path / "answers" / "rows").to_pylist()
    assert sorted(row["id"] for row in rows) == list(range(32))
    assert {(row["text"], row["answer"]) for row in rows} == {
        ("forty-two", "42"), ("nine", "9"), ("seven", "7"), ("eleven", "11"),
    }  # fmt: skip
