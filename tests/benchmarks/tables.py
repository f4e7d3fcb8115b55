"""Milliseconds of questions about a table, on one thread by the CPU's time, against transformers.

They are tokenized, with a table of texts, numbers and dates, and answered by a model of the base
size with random weights.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import transformers

import automodel_core
import automodel_tapas
from benchmarks.rounds import interleaved, table

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = [
    *"[PAD] [EMPTY] [UNK] [CLS] [SEP] [MASK] how many games did the team win in year".split(),
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *",.-?",
]
QUESTIONS = ["how many games did the team win in 1996?", "the year of 40 games", "many games?"]


def games(rows: int) -> dict[str, list[str]]:
    """Return a table of so many rows."""
    return {
        "team": [f"team {chr(97 + row % 26)}" for row in range(rows)],
        "year": [str(1980 + row % 36) for row in range(rows)],
        "games": [f"{row * 37 % 1000:,}" for row in range(rows)],
        "date": [f"{1 + row % 28} june {1980 + row % 36}" for row in range(rows)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_text("\n".join(WORDS), encoding="utf-8")
        ours: Any = automodel_tapas.TapasTokenizer(path)
        theirs: Any = transformers.TapasTokenizer(str(path))
        for rows in (8, 64):
            columns, frame = games(rows), pd.DataFrame(games(rows), dtype=object)
            call = {"truncation": True, "padding": True, "return_tensors": "pt"}
            inputs = ours(columns, QUESTIONS, **call)
            assert torch.equal(
                inputs["token_type_ids"], theirs(frame, list(QUESTIONS), **call)["token_type_ids"]
            )
            runs = {
                "automodel": lambda columns=columns, call=call: ours(columns, QUESTIONS, **call),
                "transformers": lambda frame=frame, call=call: theirs(
                    frame, list(QUESTIONS), **call
                ),
            }
            lines.append(row(f"3 questions, {rows} rows, tokenized", runs, options.rounds))
        model = transformers.TapasForQuestionAnswering(transformers.TapasConfig())
        model.save_pretrained(folder)
        reference = transformers.TapasForQuestionAnswering.from_pretrained(folder).eval()
        model = automodel_core.AutoModelForTableQuestionAnswering.from_pretrained(folder)
        given = {key: value[:1] for key, value in ours(games(8), QUESTIONS, **call).items()}
        length = given["input_ids"].shape[1]
        with torch.no_grad():
            expected = reference(**given).logits
            torch.testing.assert_close(model(**given).logits, expected, rtol=1e-3, atol=1e-3)
            runs = {
                "automodel": lambda: model(**given),
                "transformers": lambda: reference(**given),
            }
            lines.append(row(f"one pass, {length} tokens", runs, options.rounds))
    print(table("Questions about a table, ms, one thread", ["", *runs, "times"], lines))


def row(name: str, runs: Any, rounds: int) -> list[str]:
    result = interleaved(runs, rounds, time.process_time)
    first, second = runs
    times = [f"{result.median(who) * 1e3:.1f}" for who in runs]
    return [name, *times, f"{result.ratio(first, second):.2f}"]


if __name__ == "__main__":
    main()
