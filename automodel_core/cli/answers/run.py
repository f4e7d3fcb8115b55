"""``run``: answers of a task's pipeline, printed, painted into pictures, or written as sounds."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automodel_core.cli.checkpoints import hub_arguments
from automodel_core.cli.output import note, print_json
from automodel_core.errors import InputError

__all__ = ["run"]

MOST_NUMBERS = 16
"""How many numbers of a list are printed; of longer ones, how many there are."""


def run(options: argparse.Namespace) -> int:
    """Print the answer to each input; one that cannot be used is told, and the others answered."""
    answer = _opened(options)
    if not options.quiet:
        note(f"{type(answer).__name__}: {type(answer.model).__name__} on {answer.device}")
    settings = {name: _value(value) for name, value in options.option}
    if options.labels is not None:
        settings["candidate_labels"] = options.labels
    names = options.input or list(_lines())
    if not names:
        raise InputError("there is nothing to answer: give INPUT, or lines on stdin")
    inputs = [_with_question(name, options) for name in names]
    results = _results(answer, inputs, {**settings, "batch_size": options.batch_size})
    answered = list(zip(names, inputs, results, strict=True))
    for number, (name, source, result) in enumerate(answered):
        if isinstance(result, Exception):
            note(f"automodel-core: error: {name}: {' '.join(str(result).split())}")
            continue
        if options.out is not None:
            place = _place(options.out, name, f"-{number}{answer.file_suffix}", len(names))
            answer.write(source, result, place)
            note(f"wrote {place}")
        if not options.json:
            head = [f"{name}:"] if len(names) > 1 else []
            print("\n".join([*head, *lines(result)]), flush=True)
    if options.json:
        told = [_told(name, result) for name, _, result in answered]
        print_json({"name": options.name, "task": options.task, "answers": told})
    return int(any(isinstance(result, Exception) for result in results))


def _opened(options: argparse.Namespace) -> Any:
    """Return the pipeline of a task and a checkpoint."""
    from automodel_core.tasks import pipeline

    loading = {**hub_arguments(options), "plugin": options.plugin}
    return pipeline(
        options.task,
        model=options.name,
        device=options.device,
        dtype=options.dtype or "auto",
        revision=loading.pop("revision", None),
        model_kwargs={name: value for name, value in loading.items() if value is not None},
    )


def _told(name: str, result: Any) -> dict[str, Any]:
    """Return what JSON says of an input."""
    if isinstance(result, Exception):
        return {"input": name, "error": str(result)}
    return {"input": name, "result": plain(result)}


def _results(answer: Any, inputs: list[Any], settings: Mapping[str, Any]) -> list[Any]:
    """Return the answer to each input, or its error; one alone is asked as it is, in no list."""
    if len(inputs) > 1:
        results: list[Any] = answer(inputs, on_error="return", **settings)
        return results
    try:
        return [answer(inputs[0], **settings)]
    except (OSError, ValueError) as error:
        return [error]


def _lines() -> Iterator[str]:
    """Yield the lines of stdin that are not empty."""
    for line in sys.stdin:
        if text := line.rstrip("\r\n"):
            yield text


def _value(text: str) -> Any:
    """Return the value of an option: JSON, or the text itself; of ``@FILE`` what is in the file."""
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with_question(given: str, options: argparse.Namespace) -> Any:
    """Return an input together with what is asked about it."""
    about_tables = options.task == "table-question-answering"
    if options.question is None and about_tables:
        raise InputError("give --question: what to ask about the table in each file")
    if options.question is None:
        return given
    if about_tables:
        return {"table": given, "query": options.question}
    name = "context" if options.task == "question-answering" else "image"
    return {name: given, "question": options.question}


def _place(out: str, name: str, ending: str, count: int) -> Path:
    """Return the file that an answer is written into."""
    if count == 1 and not os.path.isdir(out):
        return Path(out)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    stem = Path(name).stem if os.path.isfile(name) else "answer"
    return folder / f"{stem}{ending}"


def plain(result: Any) -> Any:
    """Return a result as JSON has it: tensors as lists, pictures and masks as ``data:...``."""
    if isinstance(result, Mapping):
        return {name: plain(value) for name, value in result.items()}
    if isinstance(result, list | tuple):
        return [plain(value) for value in result]
    if _is_array(result) and result.ndim == 2 and str(result.dtype).endswith("bool"):
        from automodel_core.vision.images import pillow_image

        result = pillow_image(255 * result)
    if _is_array(result):
        return result.tolist()
    if result is None or isinstance(result, str | int | float):
        return result
    import base64
    import io

    file = io.BytesIO()
    result.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def lines(result: Any, indent: str = "") -> Iterator[str]:
    """Yield a result as lines for people."""
    if isinstance(result, list) and not _is_numbers(result):
        for one in result:
            yield from lines(one, indent)
    elif isinstance(result, Mapping) and all(map(_is_long, result.values())):
        for name, value in result.items():
            yield f"{indent}{name}:"
            yield from lines(value, f"{indent}  ")
    elif isinstance(result, Mapping):
        named = {name: value for name, value in result.items() if name != "score"}
        score = result.get("score")
        first = [] if score is None else [f"{score:.4f}"]
        cells = [*first, *(_cell(name, value, len(named)) for name, value in named.items())]
        yield indent + "  ".join(cells)
    else:
        yield indent + _short(result)


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and not _is_numbers(value)


def _is_numbers(value: Any) -> bool:
    """Return whether a list holds numbers, at any depth."""
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, int | float)


def _cell(name: str, value: Any, count: int) -> str:
    return _short(value) if count == 1 or name in ("label", "answer") else f"{name}={_short(value)}"


def _is_array(value: Any) -> bool:
    """Return whether a value is a tensor, or an array of NumPy, which need not be installed."""
    import torch

    return isinstance(value, torch.Tensor) or type(value).__module__ == "numpy"


def _short(value: Any) -> str:
    import torch

    if isinstance(value, float):
        return f"{value:.4f}"
    if _is_array(value):
        return f"({' x '.join(map(str, value.shape))} numbers)"
    if isinstance(value, tuple):  # as times, from one to another
        return " to ".join(map(_short, value))
    if isinstance(value, list) and value and isinstance(value[0], torch.Tensor):
        return f"({len(value)} times {_short(value[0])[1:-1]})"
    if isinstance(value, list) and _is_numbers(value):
        return _short(torch.tensor(value)) if _count(value) > MOST_NUMBERS else str(value)
    if value is None or isinstance(value, str | int | list | dict):
        return str(value)
    return f"({value.width} x {value.height} picture)"


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1
