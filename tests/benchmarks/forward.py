"""Milliseconds of one pass without a cache, against transformers."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

import automodel_core
from benchmarks.rounds import interleaved, table

TOKENS = 128
ROWS = (1, 8)
BODIES: dict[str, Any] = {
    "bert-base": transformers.BertConfig(),
    "vit-base": transformers.ViTConfig(),
    "gpt2": transformers.GPT2Config(use_cache=False),
}


def measure(folder: Path, name: str, rows: int, rounds: int) -> list[str]:
    """Return a row of the table, and raise where the two models say different things."""
    torch.manual_seed(0)
    config = BODIES[name]
    transformers.AutoModel.from_config(config).save_pretrained(folder / name)
    models = {
        "ours": automodel_core.AutoModel.from_pretrained(folder / name),
        "theirs": transformers.AutoModel.from_pretrained(folder / name).eval(),
    }
    if hasattr(config, "image_size"):
        inputs = {"pixel_values": torch.randn(rows, 3, config.image_size, config.image_size)}
    else:
        inputs = {"input_ids": torch.randint(3, config.vocab_size, (rows, TOKENS))}
    found: dict[str, torch.Tensor] = {}

    def run(which: str) -> Callable[[], None]:
        @torch.inference_mode()
        def once() -> None:
            found[which] = models[which](**inputs).last_hidden_state

        return once

    result = interleaved({which: run(which) for which in models}, rounds)
    torch.testing.assert_close(found["ours"], found["theirs"], rtol=1e-4, atol=1e-4)
    times = [f"{result.median(which) * 1e3:.0f}" for which in models]
    return [name, str(rows), *times, f"{result.ratio('ours', 'theirs'):.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            measure(Path(folder), name, rows, options.rounds) for name in BODIES for rows in ROWS
        ]
    title = f"One pass, ms, fp32, {torch.get_num_threads()} threads, {TOKENS} tokens or one image"
    print(table(title, ["shape", "rows", "automodel", "transformers", "times"], lines))


if __name__ == "__main__":
    main()
