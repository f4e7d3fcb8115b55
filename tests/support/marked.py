"""Models and tokenizers in which everything that is saved tells one number.

So a folder that holds files of two saves is seen at once. Children of a fork server run what is
here, to be killed.
"""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from automodel_core.text import PreTrainedTokenizer
from support.tiny_lm import TinyConfig, TinyForCausalLM

__all__ = [
    "SHARDS",
    "WAYS",
    "keep_saving",
    "model_of",
    "number_in",
    "save_with_a_limit",
    "tokenizer_of",
]

SHARDS: Mapping[str, Any] = {"max_shard_size": 2000}
WAYS: dict[str, Mapping[str, Any]] = {
    "single": {},
    "sharded": SHARDS,
    "pickle": {"safe_serialization": False},
    "sharded pickle": {"safe_serialization": False, **SHARDS},
}


def model_of(number: float, **config: Any) -> TinyForCausalLM:
    """Return a model whose weights, configuration and generation settings tell one number."""
    model = TinyForCausalLM(TinyConfig(initializer_range=number, **config))
    assert model.generation_config is not None
    model.generation_config.repetition_penalty = number
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(number)
    return model


def tokenizer_of(number: float) -> PreTrainedTokenizer:
    """Return a tokenizer whose vocabulary, settings and template tell one number."""
    rust = Tokenizer(models.WordLevel({"[UNK]": 0, f"n{number}": 1}, unk_token="[UNK]"))
    rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizer(
        tokenizer_object=rust,
        unk_token="[UNK]",
        model_max_length=int(number * 1024),
        chat_template=f"n{number}",
    )


def number_in(folder: Path, *, tokenizer: bool = False, **options: Any) -> float:
    """Return the number that everything in a folder tells; two numbers are an error."""
    if tokenizer:
        words = PreTrainedTokenizer.from_pretrained(folder)
        told = {words.model_max_length / 1024, float(str(words.chat_template)[1:])}
        told |= {float(word[1:]) for word in words.get_vocab() if word != "[UNK]"}
    else:
        model = TinyForCausalLM.from_pretrained(folder, **options)
        assert model.generation_config is not None
        told = {float(value) for p in model.parameters() for value in p.detach().unique()}
        told |= {model.config.initializer_range, float(model.generation_config.repetition_penalty)}
    assert len(told) == 1, f"a mixture of {told}"
    return told.pop()


def keep_saving(
    folder: Path, seed: int, first: float, count: int, report: Connection | None = None
) -> None:
    """Save models and tokenizers of rising numbers, each in a way drawn by chance.

    Tells before and after each save which number it is.
    """
    torch.set_num_threads(1)
    draw = random.Random(seed)
    for step in range(count):
        number = first + step / 1024
        kind = draw.choice(("model", "model", "tokenizer"))
        if report is not None:
            report.send(("begins", kind, number))
        if kind == "model":
            model_of(number).save_pretrained(folder, **draw.choice(list(WAYS.values())))
        else:
            tokenizer_of(number).save_pretrained(folder)
        if report is not None:
            report.send(("ended", kind, number))


def save_with_a_limit(folder: Path, number: float, most: int, report: Connection) -> None:
    """Save a model where no file can have more than ``most`` bytes; tell the error, if any."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        model_of(number).save_pretrained(folder, **SHARDS)
    except OSError as error:
        report.send((type(error).__name__, str(error), error.errno))
    else:
        report.send(None)
    os._exit(0)
