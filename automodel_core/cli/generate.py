"""``generate``: answers of a model to texts, shown while they are made."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from automodel_core.auto.plan import readable_size
from automodel_core.cli.checkpoints import auto_class_for, hub_arguments
from automodel_core.cli.output import note, print_json
from automodel_core.errors import InputError

__all__ = ["generate"]

TASKS = ("seq2seq-lm", "causal-lm")
SETTINGS = ("max_new_tokens", "min_new_tokens", "num_beams", "temperature", "top_k", "top_p")


def generate(options: argparse.Namespace) -> int:
    """Print an answer to each text, as it is made where that is possible."""
    from automodel_core.auto import AutoTokenizer

    if not options.text and sys.stdin.isatty() and not options.quiet:
        note("reading texts from the terminal, one a line; Ctrl-D ends")
    talks = not options.quiet
    arguments = {**hub_arguments(options), "plugin": options.plugin}
    auto_class = auto_class_for(options, arguments, TASKS)
    tokenizer = AutoTokenizer.from_pretrained(options.name, **arguments)
    model = _load(auto_class, options, arguments, talks)
    settings = {key: value for key in SETTINGS if (value := vars(options)[key]) is not None}
    if options.do_sample:
        settings["do_sample"] = True
    if options.seed is not None:
        import torch

        torch.manual_seed(options.seed)
    streams = not options.json and (settings.get("num_beams") or _beams(model)) == 1
    answers = []
    for text in _texts(options.text):
        answer = _answer(model, tokenizer, text, settings, streams=streams, talks=talks)
        answers.append(answer)
        if not streams and not options.json:
            print(answer["output"], flush=True)
    if not answers:
        raise InputError("there is no text to answer: give TEXT, or lines on stdin")
    if options.json:
        found = type(model)
        print_json(
            {
                "name": options.name,
                "class": f"{found.__module__}:{found.__qualname__}",
                "answers": answers,
            }
        )
    return 0


def _texts(given: list[str]) -> Iterator[str]:
    """Yield the texts of the command line, else the lines of stdin as they come."""
    if given:
        yield from given
        return
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if text:
            yield text


def _load(
    auto_class: Any, options: argparse.Namespace, arguments: dict[str, Any], talks: bool
) -> Any:
    """Load the model; a line on stderr says what is being loaded, and how long it took."""
    if options.dtype is not None:
        arguments = {**arguments, "dtype": options.dtype}
    if options.device is not None:
        arguments = {**arguments, "device_map": options.device}
    start = time.monotonic()
    if talks:
        note(f"loading {options.name} ... ", end="")
    try:
        model = auto_class.from_pretrained(options.name, **arguments)
    except BaseException:
        if talks:
            note("failed")
        raise
    if talks:
        size = sum(p.numel() * p.element_size() for p in model.parameters())
        taken = time.monotonic() - start
        note(f"{type(model).__name__}, {readable_size(size)}, {taken:.1f} s")
    return model


def _answer(
    model: Any,
    tokenizer: Any,
    text: str,
    settings: dict[str, Any],
    *,
    streams: bool,
    talks: bool,
) -> dict[str, Any]:
    """Return the answer to one text; it is printed while it is made if ``streams``."""
    from automodel_core.generation import TextStreamer

    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    inputs.pop("token_type_ids", None)
    continues = not model.config.is_encoder_decoder
    extra: dict[str, Any] = {}
    if streams:
        extra["streamer"] = TextStreamer(tokenizer, skip_prompt=continues, skip_special_tokens=True)
    elif talks and sys.stderr.isatty():
        extra["progress"] = True
    start = time.monotonic()
    ids = model.generate(**inputs, **settings, **extra)[0].tolist()
    if continues:
        ids = ids[inputs["input_ids"].shape[1] :]
    return {
        "text": text,
        "output": tokenizer.decode(ids, skip_special_tokens=True),
        "tokens": len(ids),
        "seconds": round(time.monotonic() - start, 3),
    }


def _beams(model: Any) -> int:
    return int(model.generation_config.num_beams or 1)
