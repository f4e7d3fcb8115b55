"""Let processes share out the layers of a model, and generate together.

    torchrun --nproc-per-node 2 docs/scale/generate.py docs/demo/checkpoint "forty-two" "nine"

Each process reads its share of each weight. All of them run the same loop and have the same result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.distributed as dist

from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer


def generate(checkpoint: Path, texts: list[str]) -> list[str]:
    """Return an answer to each text."""
    torch.manual_seed(0)  # the same numbers for all, should tokens be drawn
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint, tp_plan="auto")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    answers: list[str] = tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True)
    return answers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("texts", nargs="+")
    chosen = parser.parse_args()
    answered = generate(chosen.checkpoint, chosen.texts)
    if dist.get_rank() == 0:
        print("\n".join(answered))
    dist.barrier()  # nobody leaves while others still talk to it
    dist.destroy_process_group()
