"""Speed and error of ``generate()`` by how weights are held, against transformers in fp32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import checkpoints_in, command, each_case, with_cases
from benchmarks.rounds import interleaved, table
from benchmarks.shapes import CASES, NEW_TOKENS, SHAPES, SOURCE

HELD: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"dtype": "bfloat16"},
    "int8": {"weights": "int8"},
    "int8_dynamic": {"weights": "int8_dynamic"},
}
REFERENCE, THIRD = "transformers", "CTranslate2"


def models(folder: Path, name: str) -> dict[str, Any]:
    """Return our models of a shape by how weights are held."""
    return {held: SHAPES[name].ours(folder, **options) for held, options in HELD.items()}


def speeds(folder: Path, name: str, case: str, rounds: int) -> list[str]:
    """Return tokens a second of every contender, and how many times transformers' that is."""
    shape, (rows, beams) = SHAPES[name], CASES[case]
    torch.manual_seed(1)
    inputs = shape.inputs(shape.config, rows)
    settings = {"max_new_tokens": NEW_TOKENS, "min_new_tokens": NEW_TOKENS, "do_sample": False}

    def run(model: Any) -> Callable[[], object]:
        return lambda: model.generate(**inputs, num_beams=beams, **settings)

    contenders = {held: run(model) for held, model in models(folder, name).items()}
    contenders[REFERENCE] = run(shape.theirs(folder))
    contenders |= shape.third_party(folder, inputs, beams, compute_type="int8")
    result = interleaved(contenders, rounds)

    def shown(contender: str) -> str:
        if contender not in contenders:
            return "-"
        tokens = rows * NEW_TOKENS / result.median(contender)
        return f"{tokens:.0f} ({result.ratio(contender, REFERENCE):.2f})"

    return [name, case, *(shown(contender) for contender in (*HELD, REFERENCE, THIRD))]


@torch.no_grad()
def errors(folder: Path, name: str) -> list[str]:
    """Return the error of the scores, and the share of places with the same best token."""
    shape, theirs = SHAPES[name], SHAPES[name].theirs(folder)
    torch.manual_seed(2)
    given = shape.inputs(shape.config, 8)
    if theirs.config.is_encoder_decoder:
        vocabulary = theirs.config.get_text_config(decoder=True).vocab_size
        given["decoder_input_ids"] = torch.randint(3, vocabulary - 1, (8, SOURCE))
    expected = theirs(**given).logits
    row = [name]
    for model in models(folder, name).values():
        found = model(**given).logits.float()
        error = (found - expected).norm() / expected.norm()
        same = (found.argmax(-1) == expected.argmax(-1)).float().mean()
        row.append(f"{error:.2%}, {same:.1%}")
    return row


def main() -> None:
    options = with_cases(command(__doc__)).parse_args()
    with checkpoints_in(options) as folder:
        rows = each_case(options, lambda *of: speeds(folder, *of, options.rounds))
        wrong = [errors(folder, shape) for shape in options.shapes]
    threads = f"{torch.get_num_threads()} threads"
    title = f"Tokens a second by how weights are held (times transformers in float32), {threads}"
    print(table(title, ["shape", "case", *HELD, REFERENCE, f"{THIRD} int8"], rows))
    title = "Error of the scores of random models, and the share of equal best tokens"
    print(table(title, ["shape", *HELD], wrong))


if __name__ == "__main__":
    main()
