"""transformers' Trainer on two processes gives the losses of one, and one of them saves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("accelerate")

SCRIPT = """
import json, sys
import torch
from transformers import PrinterCallback, Trainer, TrainingArguments
from automodel_bert import BertConfig, BertForMaskedLM
from automodel_core.integrations import TrainerMixin

class HubTrainer(TrainerMixin, Trainer): ...

folder, processes = sys.argv[1], int(sys.argv[2])
torch.manual_seed(0)
model = BertForMaskedLM(BertConfig(
    vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
))
rows = []
for row in range(8):  # each with another number of labels that count
    labels = torch.full((6,), -100)
    labels[: 1 + row % 5] = 5 + row
    rows.append({"input_ids": torch.arange(6) + row, "labels": labels})
trainer = HubTrainer(model, TrainingArguments(
    folder, per_device_train_batch_size=4 // processes, max_steps=2, logging_steps=1, use_cpu=True,
    ddp_backend="gloo" if processes > 1 else None, report_to=[], save_steps=2, disable_tqdm=True,
    activation_checkpointing=True, train_sampling_strategy="sequential", learning_rate=1e-2,
), train_dataset=rows)
trainer.remove_callback(PrinterCallback)
trainer.train()
if trainer.is_world_process_zero():
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    open(folder + "/losses.json", "w").write(json.dumps(losses))
"""
# Whatever name and network the machine has.
ON_THIS_MACHINE = ("--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1")


def losses(folder: Path, processes: int) -> list[float]:
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    start = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", *ON_THIS_MACHINE]
    command = [sys.executable, *(start if processes > 1 else ()), str(script), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*command, str(processes)], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert {"config.json", "model.safetensors"} <= {
        file.name for file in (folder / "checkpoint-2").iterdir()
    }
    found: list[float] = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    return found


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    expected = losses(tmp_path / "one", 1)
    assert losses(tmp_path / "two", 2) == pytest.approx(expected, rel=1e-4)
