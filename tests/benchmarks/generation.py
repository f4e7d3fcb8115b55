"""Tokens a second of ``generate()``, against transformers, CTranslate2 and the memory's limit."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ctranslate2
import torch
import transformers

from automodel_core import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from automodel_core.layers.products import kernel_for
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import GPT2_SHAPES, T5_SHAPES, gpt2_checkpoint, t5_checkpoint

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
    weights = [torch.ones(4096, 4096) for _ in range(8)]
    layers = [kernel_for(weight, 1)(weight, None, 1) for weight in weights]
    row = torch.ones(1, 4096)

    def stream() -> None:
        for layer in layers:
            layer(row)

    seconds = min(interleaved({"stream": stream}, 7).seconds["stream"])
    return len(layers) * 4096 * 4096 * 4 / seconds


def converted(folder: Path) -> str:
    """Return the folder of CTranslate2's version of a checkpoint."""
    target = folder / "ctranslate2"
    if not target.exists():
        ctranslate2.converters.TransformersConverter(str(folder)).convert(str(target))
    return str(target)


def third_party(
    checkpoint: Path, words: list[list[str]], beams: int, compute_type: str = "default"
) -> Callable[[], None]:
    """Return CTranslate2's way of writing exactly the new tokens."""
    folder = converted(checkpoint)
    machine = {
        "device": "cpu",
        "intra_threads": torch.get_num_threads(),
        "compute_type": compute_type,
    }
    lengths = {"beam_size": beams, "min_length": NEW_TOKENS, "max_length": NEW_TOKENS}
    if checkpoint.name in GPT2_SHAPES:
        writer = ctranslate2.Generator(folder, **machine)
        options = {**lengths, "include_prompt_in_result": False}
        run = partial(writer.generate_batch, words, **options)
    else:
        reader = ctranslate2.Translator(folder, **machine)
        options = {k.replace("length", "decoding_length"): v for k, v in lengths.items()}
        run = partial(reader.translate_batch, words, max_input_length=0, **options)

    def once() -> None:
        written = [getattr(r, "sequences", None) or r.hypotheses for r in run()]
        produced = {len(sequences[0]) for sequences in written}
        if produced != {NEW_TOKENS}:
            raise RuntimeError(f"CTranslate2 made {produced} tokens instead of {NEW_TOKENS}")

    return once


def measure(folder: Path, shape: str, case: str, rounds: int, speed: float) -> list[str]:
    rows, beams = CASES[case]
    if shape in GPT2_SHAPES:
        checkpoint = gpt2_checkpoint(folder, shape)
        ours = AutoModelForCausalLM.from_pretrained(checkpoint)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(checkpoint).eval()
        stack = ours.base_model.stack
    else:
        checkpoint = t5_checkpoint(folder, shape)
        ours = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
        theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint).eval()
        stack = ours.get_decoder().stack
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
            found[name] = model(source, num_beams=beams, **settings)[:, -NEW_TOKENS:].tolist()

        return once

    result = interleaved(
        {
            "ours": run("ours", ours.generate, **forced),
            "theirs": run("theirs", theirs.generate, **forced),
            "third": third_party(checkpoint, words, beams),
            "ours free": run("ours free", ours.generate, **free),
            "theirs free": run("theirs free", theirs.generate, **free),
        },
        rounds,
    )
    decoded = rows * NEW_TOKENS
    streamed = sum(p.nbytes for p in stack.parameters()) + ours.lm_head.weight.nbytes
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
    shapes = [*T5_SHAPES, *GPT2_SHAPES]
    parser.add_argument("--shapes", nargs="+", choices=shapes, default=shapes)
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
