"""Speed and error of ``generate()`` by how weights are held, against transformers in fp32."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from automodel_core import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from benchmarks.generation import CASES, NEW_TOKENS, SOURCE, third_party
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import GPT2_SHAPES, T5_SHAPES, gpt2_checkpoint, t5_checkpoint

HELD: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"dtype": "bfloat16"},
    "int8": {"weights": "int8"},
    "int8_dynamic": {"weights": "int8_dynamic"},
}
OTHERS = ("transformers", "CTranslate2 int8")


def models(folder: Path, shape: str) -> tuple[Path, dict[str, Any], Any]:
    """Return a checkpoint, our models of it by how weights are held, and the reference's."""
    if shape in GPT2_SHAPES:
        checkpoint, auto = gpt2_checkpoint(folder, shape), AutoModelForCausalLM
        theirs = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    else:
        checkpoint, auto = t5_checkpoint(folder, shape), AutoModelForSeq2SeqLM
        theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    ours = {held: auto.from_pretrained(checkpoint, **options) for held, options in HELD.items()}
    return checkpoint, ours, theirs.eval()


def speeds(folder: Path, shape: str, case: str, rounds: int) -> list[str]:
    """Return tokens a second of every contender, and how many times transformers' that is."""
    rows, beams = CASES[case]
    checkpoint, ours, theirs = models(folder, shape)
    torch.manual_seed(1)
    source = torch.randint(3, theirs.config.vocab_size, (rows, SOURCE))
    words = [[f"word{token}" for token in row] for row in source.tolist()]
    settings = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}

    def run(model: Any) -> Callable[[], object]:
        return lambda: model.generate(source, num_beams=beams, **settings)

    contenders = {held: run(model) for held, model in ours.items()}
    contenders[OTHERS[0]] = run(theirs)
    contenders[OTHERS[1]] = third_party(checkpoint, words, beams, compute_type="int8")
    result = interleaved(contenders, rounds)
    times = [result.ratio(name, OTHERS[0]) for name in contenders]
    tokens = [rows * NEW_TOKENS / result.median(name) for name in contenders]
    return [shape, case, *(f"{n:.0f} ({t:.2f})" for n, t in zip(tokens, times, strict=True))]


@torch.no_grad()
def errors(folder: Path, shape: str) -> list[str]:
    """Return the error of the scores, and the share of places with the same best token."""
    _, ours, theirs = models(folder, shape)
    torch.manual_seed(2)
    ids = torch.randint(3, theirs.config.vocab_size, (8, SOURCE))
    given = {"input_ids": ids}
    if theirs.config.is_encoder_decoder:
        given["decoder_input_ids"] = ids.flip(1)
    expected = theirs(**given).logits
    row = [shape]
    for model in ours.values():
        found = model(**given).logits.float()
        error = (found - expected).norm() / expected.norm()
        same = (found.argmax(-1) == expected.argmax(-1)).float().mean()
        row.append(f"{error:.2%}, {same:.1%}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    shapes = [*T5_SHAPES, *GPT2_SHAPES]
    parser.add_argument("--shapes", nargs="+", choices=shapes, default=shapes[:3])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows = [
            speeds(folder, shape, case, options.rounds)
            for shape in options.shapes
            for case in options.cases
        ]
        wrong = [errors(folder, shape) for shape in options.shapes]
    threads = f"{torch.get_num_threads()} threads"
    title = f"Tokens a second by how weights are held (times transformers in float32), {threads}"
    print(table(title, ["shape", "case", *HELD, *OTHERS], rows))
    title = "Error of the scores of random models, and the share of equal best tokens"
    print(table(title, ["shape", *HELD], wrong))


if __name__ == "__main__":
    main()
