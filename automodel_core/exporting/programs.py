"""A model's forward as a program of another kind, written to a folder and checked there."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, SavingError, shown
from automodel_core.exporting.inputs import Inputs, dynamic_sizes, example_inputs
from automodel_core.modeling.bodies.text import TextRunner

__all__ = ["FORMATS", "Exported", "export_model"]

FORMATS = {"onnx": "model.onnx", "torch": "model.pt2"}
"""The file of each kind of program."""
TOLERANCE = 1e-3
LARGE = 3 << 29
"""A file of ONNX holds two gigabytes at most; larger weights lie beside it."""


@dataclass(frozen=True)
class Exported:
    """A program that was written: its file, names of inputs and outputs, and its error.

    ``difference`` is the largest one from the model's numbers, on inputs of another size.
    """

    file: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float


def export_model(
    model: Any,
    folder: str | os.PathLike[str],
    *,
    to: str,
    inputs: Mapping[str, Tensor] | None = None,
    other_inputs: Mapping[str, Tensor] | None = None,
    beside: Any = None,
) -> Exported:
    """Write ``model.onnx`` (``to="onnx"``) or ``model.pt2`` (``to="torch"``) into a new folder.

    The program takes any batch and length, and returns no cache. It is run on ``other_inputs``
    before the folder appears. What these are not given for is drawn. The configuration and what
    ``beside`` saves, as a tokenizer, come with it. Raises `SavingError` for a folder that exists,
    or a program of other numbers, and `MissingExtraError` without ONNX.
    """
    if to not in FORMATS:
        raise InputError(f"to={to!r}: one of {', '.join(FORMATS)}")
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SavingError(f"{shown(str(target))} exists; name a new folder")
    given = dict(inputs) if inputs is not None else example_inputs(model, 2, 8)
    others = dict(other_inputs) if other_inputs is not None else example_inputs(model, 3, 5)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as made:
        whole = Path(made, "whole")
        whole.mkdir()
        file = whole / FORMATS[to]
        with _without_cache(model), torch.no_grad():
            expected = _named(model(**others))
            run = (_onnx if to == "onnx" else _program)(model, given, tuple(expected), file)
            found = run(others)
        difference = _difference(found, expected)
        if not difference <= TOLERANCE:
            raise SavingError(
                f"the program differs from {type(model).__name__} by {difference:.2g} on inputs of "
                f"another size, which is more than {TOLERANCE}: nothing was written"
            )
        model.config.save_pretrained(whole)
        if beside is not None:
            beside.save_pretrained(whole)
        if target.is_dir():
            target.rmdir()
        shutil.move(whole, target)
    return Exported(target / FORMATS[to], tuple(given), tuple(expected), difference)


@contextlib.contextmanager
def _without_cache(model: Any) -> Iterator[None]:
    """Let a model in evaluation mode return no cache."""
    if model.training:
        raise InputError("a model in training mode has dropout: call model.eval() first")
    configs = {
        id(part.config): part.config for part in model.modules() if isinstance(part, TextRunner)
    }
    before = [(config, config.get("use_cache")) for config in configs.values()]
    try:
        for config, value in before:
            if value is not None:
                config.use_cache = False
        yield
    finally:
        for config, value in before:
            if value is not None:
                config.use_cache = value


def _named(output: Mapping[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """Return the tensors of an output by name, those of parts behind the part's."""
    named: dict[str, Tensor] = {}
    for name, value in output.items():
        if isinstance(value, Tensor):
            named[prefix + name] = value
        elif isinstance(value, tuple):
            numbered = {str(index): part for index, part in enumerate(value)}
            named |= _named(numbered, f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            named |= _named(value, f"{prefix}{name}.")
    return named


def _program(model: Any, inputs: Inputs, outputs: tuple[str, ...], file: Path) -> Any:
    program = torch.export.export(model, (), inputs, dynamic_shapes=dynamic_sizes(inputs))
    torch.export.save(program, file)
    written = torch.export.load(file).module()
    return lambda given: _named(written(**given))


def _onnx(model: Any, inputs: Inputs, outputs: tuple[str, ...], file: Path) -> Any:
    try:
        onnxruntime: Any = import_module("onnxruntime")
        import_module("onnxscript")  # torch's exporter needs it
    except ImportError as error:
        raise MissingExtraError(
            f"exporting to ONNX needs {error.name}: pip install automodel-core[onnx]"
        ) from error
    names: Any = {"input_names": list(inputs), "output_names": list(outputs)}
    with _quietly():
        program: Any = torch.onnx.export(
            model, (), kwargs=inputs, dynamic_shapes=dynamic_sizes(inputs), dynamo=True, **names
        )
    size = sum(parameter.nbytes for parameter in model.parameters())
    program.save(str(file), external_data=size > LARGE)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])

    def run(given: Inputs) -> dict[str, Tensor]:
        arrays = {part.name: given[part.name].cpu().numpy() for part in session.get_inputs()}
        return dict(zip(outputs, map(torch.tensor, session.run(None, arrays)), strict=True))

    return run


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Leave out what the exporter tells of its own work."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """Return the largest difference, relative to the largest number of a tensor if above 1."""
    worst = 0.0
    for name, value in expected.items():
        if found[name].shape != value.shape:
            return float("inf")
        scale = max(1.0, value.abs().max().item())
        apart = (found[name].double() - value.double().cpu()).abs().max().item() / scale
        worst = apart if not apart <= worst else worst
    return worst
