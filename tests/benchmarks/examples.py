"""The packages under docs/examples writing text, against transformers: the same tokens."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.rounds import interleaved, table

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PROMPT, TOKENS = 32, 48
SIZES: dict[str, Any] = {
    "llama": transformers.LlamaConfig(
        vocab_size=32000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        num_key_value_heads=4,
        pad_token_id=0,
    ),
    "mamba": transformers.MambaConfig(
        vocab_size=32000, hidden_size=768, num_hidden_layers=12, pad_token_id=0
    ),
}
CLASSES = {"llama": "LlamaForCausalLM", "mamba": "MambaForCausalLM"}


def ours(name: str) -> Any:
    """Return the package's class for the next token."""
    sys.path.append(str(EXAMPLES / f"automodel-{name}"))
    module = __import__(f"automodel_{name}.modeling", fromlist=[CLASSES[name]])
    return getattr(module, CLASSES[name])


def measure(folder: Path, name: str, rows: int, rounds: int) -> list[str]:
    """Return a row of the table, and raise where the two write other tokens."""
    torch.manual_seed(0)
    kind = getattr(transformers, CLASSES[name])
    kind(SIZES[name]).save_pretrained(folder / name)
    models = {
        "ours": ours(name).from_pretrained(folder / name),
        "theirs": kind.from_pretrained(folder / name).eval(),
    }
    prompt = torch.randint(3, 32000, (rows, PROMPT))
    options = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "do_sample": False}
    found: dict[str, torch.Tensor] = {}

    def run(which: str) -> Callable[[], None]:
        def once() -> None:
            mask = torch.ones_like(prompt)
            found[which] = models[which].generate(prompt, attention_mask=mask, **options)

        return once

    result = interleaved({which: run(which) for which in models}, rounds)
    if not torch.equal(found["ours"], found["theirs"]):
        raise ValueError(f"{name}: the two write other tokens")
    speeds = [f"{rows * TOKENS / result.median(which):.0f}" for which in models]
    return [name, str(rows), *speeds, f"{result.ratio('ours', 'theirs'):.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(Path(folder), name, count, options.rounds) for name in SIZES for count in (1, 8)
        ]
    title = f"Packages of examples, tokens a second, fp32, {torch.get_num_threads()} threads"
    print(table(title, ["package", "rows", "automodel", "transformers", "times"], rows))


if __name__ == "__main__":
    main()
