"""Train the demo checkpoint: English number words to digits, in minutes on two cores.

    python docs/demo/train.py docs/demo/checkpoint

One number in ten from a hundred on is held out of the training, by a rule on the number itself;
the script ends with the share of held-out numbers, in held-out spellings of them, that the saved
checkpoint gets exactly right.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from automodel_t5 import T5Config, T5ForConditionalGeneration, T5Tokenizer

LARGEST = 999_999
UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(number: int, joint: str = "-", conjunction: str = " and ") -> str:
    """Spell a number below a million: 21 is ``twenty-one``, 407 is ``four hundred and seven``."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return TENS[tens] + (joint + UNITS[rest] if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{UNITS[hundreds]} hundred" + (
            conjunction + spelled(rest, joint, conjunction) if rest else ""
        )
    thousands, rest = divmod(number, 1000)
    before = conjunction if 0 < rest < 100 else " "
    return f"{spelled(thousands, joint, conjunction)} thousand" + (
        before + spelled(rest, joint, conjunction) if rest else ""
    )


def held_out(number: int) -> bool:
    """Return whether a number is kept for the test; below a hundred every word must be learnt."""
    return number >= 100 and random.Random(number).random() < 0.1


def draw(rng: random.Random, wanted: bool) -> tuple[str, str]:
    """Return a text and its answer: a number, held out or not as wanted, in some spelling."""
    while True:
        number = int(math.exp(rng.uniform(0, math.log(LARGEST + 1)))) - rng.randint(0, 1)
        if rng.random() < 0.5:
            number = rng.randint(0, LARGEST)
        if held_out(number) == wanted:
            break
    text = spelled(number, rng.choice(("-", " ")), rng.choice((" and ", " ")))
    return rng.choice((text, text.capitalize())), str(number)


def new_tokenizer(rng: random.Random) -> T5Tokenizer:
    """Train a vocabulary on the texts and answers themselves."""
    letters = [(character, -4.0) for character in "▁0123456789"]
    start = T5Tokenizer([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters], extra_ids=0)
    texts = [part for _ in range(20_000) for part in draw(rng, wanted=False)]
    return start.train_new_from_iterator(
        [" ".join(text) if text.isdigit() else text for text in texts], vocab_size=128
    )


def batches(rng: random.Random, tokenizer: T5Tokenizer, steps: int, size: int) -> Iterator[dict]:
    for _ in range(steps):
        texts, answers = zip(*(draw(rng, wanted=False) for _ in range(size)), strict=True)
        batch = tokenizer(list(texts), text_target=[*answers], padding=True, return_tensors="pt")
        batch["labels"] = batch["labels"].masked_fill(
            batch["labels"] == tokenizer.pad_token_id, -100
        )
        yield batch


def accuracy(folder: Path, count: int = 2000, **options: Any) -> float:
    """Return the share of held-out texts that the checkpoint in ``folder`` answers exactly.

    ``options`` say how it is loaded.
    """
    tokenizer = T5Tokenizer.from_pretrained(folder)
    model = T5ForConditionalGeneration.from_pretrained(folder, **options)
    rng = random.Random(1)
    texts, answers = zip(*(draw(rng, wanted=True) for _ in range(count)), strict=True)
    right = 0
    for start in range(0, count, 100):
        batch = tokenizer(list(texts[start : start + 100]), padding=True, return_tensors="pt")
        found = tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True)
        right += sum(a == b for a, b in zip(found, answers[start : start + 100], strict=True))
    return right / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the checkpoint goes")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=128)
    options = parser.parse_args()

    rng = random.Random(0)
    torch.manual_seed(0)
    tokenizer = new_tokenizer(rng)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=96,
            d_kv=24,
            d_ff=256,
            num_layers=3,
            num_heads=4,
            dropout_rate=0.0,
            decoder_start_token_id=tokenizer.pad_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=3e-3, total_steps=options.steps
    )
    for step, batch in enumerate(
        batches(rng, tokenizer, options.steps, options.batch_size), start=1
    ):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            print(f"step {step}/{options.steps}  loss {loss.item():.4f}", flush=True)

    model.generation_config.max_new_tokens = 12
    model.eval()
    model.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)
    print(f"held-out numbers right: {accuracy(options.folder):.2%}")


if __name__ == "__main__":
    main()
