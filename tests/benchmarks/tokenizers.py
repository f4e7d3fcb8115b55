"""Time to a tokenizer of the real size and its first call, in processes of their own.

Vocabularies are of made-up words, in the files that each architecture's checkpoints have.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.imports import cpu_time, python
from benchmarks.rounds import interleaved, table

LINE = (
    "from {} import AutoTokenizer as A; A.from_pretrained({!r})('an unhurried answer, of 9 words')"
)
WORDS = 60_000


def words(count: int) -> list[str]:
    """Return different words of four to twelve letters."""
    draw = random.Random(0)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(draw.choices("etaoinshrdlucmfwy", k=draw.randint(4, 12)))] = None
    return list(found)


def config(folder: Path, model_type: str) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))


def bert(folder: Path) -> None:
    config(folder, "bert")
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz,9"]
    (folder / "vocab.txt").write_text("\n".join([*entries, *words(30_000)]) + "\n")


def byte_level(model_type: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        from tokenizers import ByteLevelBPETokenizer

        config(folder, model_type)
        trained = ByteLevelBPETokenizer()
        special = ["<|endoftext|>"]
        trained.train_from_iterator(words(WORDS), 50_000, special_tokens=special)
        trained.save_model(str(folder))

    return write


def pieces(folder: Path, count: int) -> None:
    """Write a model of SentencePiece."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words(WORDS)),
        model_prefix=str(folder / "spiece"),
        vocab_size=count,
        minloglevel=2,
    )


def t5(folder: Path) -> None:
    config(folder, "t5")
    pieces(folder, 32_000)


def marian(folder: Path) -> None:
    import sentencepiece

    config(folder, "marian")
    pieces(folder, 32_000)
    model = (folder / "spiece.model").rename(folder / "source.spm")
    (folder / "target.spm").write_bytes(model.read_bytes())
    known = sentencepiece.SentencePieceProcessor(model_file=str(model))
    entries = ["</s>", "<unk>", *(known.id_to_piece(n) for n in range(3, len(known))), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({e: n for n, e in enumerate(entries)}))
    settings = {"source_lang": "en", "target_lang": "de"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


WRITERS = {
    "bert": bert,
    "t5": t5,
    "gpt2": byte_level("gpt2"),
    "marian": marian,
    "whisper": byte_level("whisper"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shapes", nargs="+", choices=WRITERS, default=list(WRITERS))
    parser.add_argument(
        "--cpu-time", action="store_true", help="what the processes compute: where others do, too"
    )
    options = parser.parse_args()
    clock = cpu_time if options.cpu_time else time.perf_counter
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.shapes:
            folder = Path(temporary, name)
            WRITERS[name](folder)
            runs = {
                who: LINE.format(who, str(folder)) for who in ("automodel_core", "transformers")
            }
            found = interleaved({w: python(r) for w, r in runs.items()}, options.rounds, clock)
            ours, theirs = runs
            times = [f"{found.median(who) * 1e3:.0f} ms" for who in runs]
            rows.append([name, *times, f"{found.ratio(ours, theirs):.1f}"])
    header = ["tokenizer", "automodel", "transformers", "times"]
    print(table("A tokenizer and its first call, in fresh processes", header, rows))


if __name__ == "__main__":
    main()
