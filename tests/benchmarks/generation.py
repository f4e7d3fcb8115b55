"""Tokens a second of ``generate()``, against transformers, CTranslate2 and the memory's limit."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import torch
import transformers

from automodel_core import AutoModelForSeq2SeqLM
from automodel_core.layers.prepared import best_kernel
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import T5_SHAPES, t5_checkpoint

NEW_TOKENS = 128
SOURCE = 64
CASES = {"batch 1": (1, 1), "batch 8": (8, 1), "beam 4": (1, 4)}
HEADER = [
    "shape",
    "case",
    "automodel tokens/s",
    "transformers",
    "ratio",
    "ratio without forced length",
    "CTranslate2",
    "ratio",
    "same ids",
    "memory's limit",
]


def bandwidth() -> float:
    """Return bytes a second at which one row streams through packed weights of 512 MB."""
    layers = [best_kernel()(torch.ones(4096, 4096), None, 1) for _ in range(8)]
    row = torch.ones(1, 4096)

    def stream() -> None:
        for layer in layers:
            layer(row)

    seconds = min(interleaved({"stream": stream}, 7).seconds["stream"])
    return len(layers) * 4096 * 4096 * 4 / seconds


def translator(folder: Path) -> ctranslate2.Translator:
    target = folder / "ctranslate2"
    if not target.exists():
        ctranslate2.converters.TransformersConverter(str(folder)).convert(str(target))
    return ctranslate2.Translator(str(target), device="cpu", intra_threads=torch.get_num_threads())


def measure(folder: Path, shape: str, case: str, rounds: int, speed: float) -> list[str]:
    rows, beams = CASES[case]
    checkpoint = t5_checkpoint(folder, shape)
    ours = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint).eval()
    third = translator(checkpoint)
    torch.manual_seed(1)
    source = torch.randint(3, ours.config.vocab_size, (rows, SOURCE))
    words = [[f"word{token}" for token in row] for row in source.tolist()]
    forced = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}
    free = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "eos_token_id": None}
    found: dict[str, list[list[int]]] = {}

    def run(
        name: str, model: Callable[..., torch.Tensor], **settings: object
    ) -> Callable[[], None]:
        def once() -> None:
            found[name] = model(source, num_beams=beams, **settings)[:, 1:].tolist()

        return once

    def run_third() -> None:
        results = third.translate_batch(
            words,
            beam_size=beams,
            min_decoding_length=NEW_TOKENS,
            max_decoding_length=NEW_TOKENS,
            max_input_length=0,
        )
        produced = {len(result.hypotheses[0]) for result in results}
        if produced != {NEW_TOKENS}:
            raise RuntimeError(f"CTranslate2 made {produced} tokens instead of {NEW_TOKENS}")

    result = interleaved(
        {
            "ours": run("ours", ours.generate, **forced),
            "theirs": run("theirs", theirs.generate, **forced),
            "third": run_third,
            "ours free": run("ours free", ours.generate, **free),
            "theirs free": run("theirs free", theirs.generate, **free),
        },
        rounds,
    )
    decoded = rows * NEW_TOKENS
    streamed = (
        sum(p.nbytes for p in ours.get_decoder().stack.parameters()) + ours.lm_head.weight.nbytes
    )
    return [
        shape,
        case,
        f"{decoded / result.median('ours'):.0f}",
        f"{decoded / result.median('theirs'):.0f}",
        f"{result.ratio('ours', 'theirs'):.2f}",
        f"{result.ratio('ours free', 'theirs free'):.2f}",
        f"{decoded / result.median('third'):.0f}",
        f"{result.ratio('ours', 'third'):.2f}",
        "yes" if found["ours"] == found["theirs"] else "NO",
        f"{rows * speed / streamed:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=T5_SHAPES, default=list(T5_SHAPES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        speed = bandwidth()
        rows = [
            measure(folder, shape, case, options.rounds, speed)
            for shape in options.shapes
            for case in options.cases
        ]
    print(
        table(
            f"generate(), greedy unless beams, fp32, {torch.get_num_threads()} threads, "
            f"{SOURCE} source and {NEW_TOKENS} new tokens, "
            f"weights streamed at {speed / 1e9:.0f} GB/s",
            HEADER,
            rows,
        )
    )


if __name__ == "__main__":
    main()
