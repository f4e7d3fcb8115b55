"""Train a model whose weights are shared out to processes, and go on with any number of them.

    torchrun --nproc-per-node 2 docs/scale/train.py docs/demo/checkpoint trained --steps 4
    torchrun --nproc-per-node 3 docs/scale/train.py docs/demo/checkpoint trained --steps 8

The second command goes on where the first one stopped. ``trained`` is a checkpoint with the hub's
names, which all processes save together; what the optimizer knows lies beside it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer
from automodel_core.layers import TransformerLayer

LESSONS = [("forty-two", "42"), ("nine", "9"), ("one hundred", "100"), ("seventy-seven", "77")]
ROWS = 12
"""Rows of a step, whatever the number of processes."""


def sharded_model(checkpoint: Path, mesh: Any) -> Any:
    """Return a model of which this process has read its shards, and nothing else."""
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint, device_map="meta")
    for module in model.modules():
        if isinstance(module, TransformerLayer):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.load_checkpoint(checkpoint)
    return model.train()


def batch_of(step: int, tokenizer: Any) -> dict[str, torch.Tensor]:
    """Return the rows of a step: a real run reads its own data by the number of the step."""
    chosen = [LESSONS[(step * ROWS + row) % len(LESSONS)] for row in range(ROWS)]
    texts, answers = zip(*chosen, strict=True)
    batch = tokenizer(list(texts), padding=True, return_tensors="pt")
    labels = tokenizer(list(answers), padding=True, return_tensors="pt").input_ids
    return {**batch, "labels": labels.masked_fill(labels == tokenizer.pad_token_id, -100)}


def train(checkpoint: Path, folder: Path, steps: int) -> None:
    """Train until ``steps`` are done, in this run and those before it."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    dist.init_process_group()
    rank, world = dist.get_rank(), dist.get_world_size()
    mesh = init_device_mesh("cpu" if accelerator is None else accelerator.type, (world,))
    goes_on = (folder / "optimizer").exists()
    model = sharded_model(folder if goes_on else checkpoint, mesh)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    done = 0
    if goes_on:
        # Shards of another number of processes are cut anew.
        known = {"optimizer": get_optimizer_state_dict(model, optimizer), "steps": 0}
        dcp.load(known, checkpoint_id=str(folder / "optimizer"))
        set_optimizer_state_dict(model, optimizer, known["optimizer"])
        done = known["steps"]
    for step in range(done, steps):
        batch = batch_of(step, tokenizer)
        count = (batch["labels"] != -100).sum()
        mine = {name: rows[rank::world].to(model.device) for name, rows in batch.items()}
        # Gradients are the mean of the processes'; the parts of a batch add up to its loss.
        loss = model(**mine, num_items_in_batch=count).loss * world
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        dist.all_reduce(total := loss.detach() / world)
        if rank == 0:
            print(f"step {step + 1}: loss {total.item():.5f}", flush=True)
    model.save_pretrained(folder, tokenizer=tokenizer)
    state = {"optimizer": get_optimizer_state_dict(model, optimizer), "steps": steps}
    writer = dcp.FileSystemWriter(folder / "optimizer", overwrite=True)
    dcp.save(state, storage_writer=writer)
    dist.barrier()  # nobody leaves while others still talk to it
    dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=4)
    chosen = parser.parse_args()
    train(chosen.checkpoint, chosen.folder, chosen.steps)
