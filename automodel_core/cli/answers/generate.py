"""``generate``: answers of a model to texts or pictures, shown while they are made."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from automodel_core.auto.plan import readable_size
from automodel_core.cli.checkpoints import auto_class_for, hub_arguments
from automodel_core.cli.output import note, print_json
from automodel_core.errors import InputError

__all__ = ["generate"]

TASKS = ("seq2seq-lm", "causal-lm", "image-text-to-text")
SETTINGS = ("max_new_tokens", "min_new_tokens", "num_beams", "temperature", "top_k", "top_p")


def generate(options: argparse.Namespace) -> int:
    """Print an answer to each text or picture, as it is made where that is possible."""
    from automodel_core.auto import AutoTokenizer

    if not options.input and sys.stdin.isatty() and not options.quiet:
        note("reading from the terminal, one text or picture file a line; Ctrl-D ends")
    talks = not options.quiet
    arguments = {**hub_arguments(options), "plugin": options.plugin}
    auto_class = auto_class_for(options, arguments, TASKS)
    tokenizer = AutoTokenizer.from_pretrained(options.name, **arguments)
    model = _load(auto_class, options, arguments, talks)
    kind, read = _reader(model, tokenizer, options.name, arguments)
    settings = {key: value for key in SETTINGS if (value := vars(options)[key]) is not None}
    if options.do_sample:
        settings["do_sample"] = True
    if options.seed is not None:
        import torch

        torch.manual_seed(options.seed)
    streams = not (options.json or options.progress)
    streams = streams and (settings.get("num_beams") or _beams(model)) == 1
    shows = options.progress or (talks and not streams and sys.stderr.isatty())
    answers = []
    for given in _inputs(options.input):
        inputs = read(given).to(model.device)
        answer = _answer(model, tokenizer, inputs, settings, streams=streams, shows=shows)
        answer = {kind: given, **answer}
        answers.append(answer)
        if not streams and not options.json:
            print(answer["output"], flush=True)
    if not answers:
        raise InputError("there is nothing to answer: give INPUT, or lines on stdin")
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


def _reader(
    model: Any, tokenizer: Any, name: str, arguments: dict[str, Any]
) -> tuple[str, Callable[[str], Any]]:
    """Return what the model reads, and how to make its input of one."""
    if model.main_input_name == "pixel_values":
        from automodel_core.auto import AutoImageProcessor

        processor = AutoImageProcessor.from_pretrained(name, **arguments)
        return "picture", lambda file: processor(file, return_tensors="pt")

    def read(text: str) -> Any:
        inputs = tokenizer(text, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        return inputs

    return "text", read


def _inputs(given: list[str]) -> Iterator[str]:
    """Yield the inputs of the command line, else the lines of stdin as they come."""
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
    if options.weights is not None:
        arguments = {**arguments, "weights": options.weights}
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
        size = model.get_memory_footprint(return_buffers=False)
        taken = time.monotonic() - start
        note(f"{type(model).__name__}, {readable_size(size)}, {taken:.1f} s")
    return model


def _answer(
    model: Any,
    tokenizer: Any,
    inputs: Any,
    settings: dict[str, Any],
    *,
    streams: bool,
    shows: bool,
) -> dict[str, Any]:
    """Return the answer to one input; it is printed while it is made if ``streams``.

    ``shows`` how far it is on stderr.
    """
    from automodel_core.generation import TextStreamer

    continues = not model.config.is_encoder_decoder
    extra: dict[str, Any] = {}
    if streams:
        extra["streamer"] = TextStreamer(tokenizer, skip_prompt=continues, skip_special_tokens=True)
    if shows:
        extra["progress"] = True
    start = time.monotonic()
    ids = model.generate(**inputs, **settings, **extra)[0].tolist()
    if continues:
        ids = ids[inputs["input_ids"].shape[1] :]
    return {
        "output": tokenizer.decode(ids, skip_special_tokens=True),
        "tokens": len(ids),
        "seconds": round(time.monotonic() - start, 3),
    }


def _beams(model: Any) -> int:
    return int(model.generation_config.num_beams or 1)
