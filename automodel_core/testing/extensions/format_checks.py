"""Checks of formats of weight files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core.checkpoint import save_weights
from automodel_core.errors import AutomodelError
from automodel_core.testing.check import Rule, require
from automodel_core.testing.extensions.part import Part

__all__ = ["FORMAT_CHECKS"]

STATE: dict[str, Tensor] = {
    "a.weight": torch.linspace(-3, 3, 12).view(3, 4),
    "a.bias": torch.tensor([0.1, float("inf"), -2.0], dtype=torch.bfloat16),
    "half": torch.tensor([[0.5]], dtype=torch.float16),
    "count": torch.tensor(7),
    "flags": torch.tensor([True, False]),
    "nothing": torch.empty(0, 4),
}
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "an empty file": lambda data: b"",
    "a file cut in half": lambda data: data[: len(data) // 2],
    "a file of zeros": lambda data: bytes(len(data)),
}


def can_be_written(part: Part) -> bool:
    """Return whether the format has a writer."""
    return part.manifest.writer is not None


def says_it_is_safe(part: Part) -> bool:
    """Return whether reading can never run code, as the manifest says."""
    return bool(part.manifest.safe)


def held(part: Part) -> dict[str, Tensor]:
    """Return the tensors that the format can hold; it may refuse dtypes by an error of the core."""
    found = {}
    for name, tensor in STATE.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(AutomodelError):
            save_weights({name: tensor}, folder, format=part.manifest)
            found[name] = tensor
    require("a.weight" in found, "it refuses matrices of float32")
    return found


def written(part: Part, folder: str) -> Path:
    """Write the tensors that the format can hold, and return the file."""
    (path,) = save_weights(held(part), folder, format=part.manifest)
    return path


def what_is_written_is_read(part: Part) -> None:
    """Names, shapes, dtypes and bits are the same after writing and reading."""
    state = held(part)
    with tempfile.TemporaryDirectory() as folder:
        found: Any = part.resolve("reader")(written(part, folder))
        require(set(found) == set(state), f"names differ: {set(found) ^ set(state)}")
        for name, tensor in state.items():
            told, read = found[name], found.tensor(name)
            require(read.dtype == tensor.dtype, f"{name} is read as {read.dtype}")
            require(read.shape == tensor.shape, f"{name} is read as {tuple(read.shape)}")
            require(torch.equal(read, tensor), f"{name} is read with other values")
            known = tuple(told.shape) == tuple(tensor.shape)
            require(known and str(tensor.dtype).endswith(told.dtype), f"{name}: told is {told}")


def a_model_is_saved_and_loaded(part: Part) -> None:
    """A model that is saved in the format is loaded again, bit by bit."""
    model = part.decoder()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, format=part.manifest)
        require(Path(folder, part.manifest.weight_file).is_file(), "there is no weight_file")
        again: Any = type(model).from_pretrained(folder)
        for name, weight in model.state_dict().items():
            require(torch.equal(again.state_dict()[name], weight), f"{name} changed")


def a_damaged_file_is_refused(part: Part) -> None:
    """A file that is empty, cut or overwritten ends in an error of the core's, and is not read."""
    for what, damage in DAMAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = written(part, folder)
            path.write_bytes(damage(path.read_bytes()))
            try:
                found = part.resolve("reader")(path)
                for name in found:
                    found.tensor(name)
            except AutomodelError:
                continue
            except Exception as error:  # noqa: BLE001 - whatever a reader raises is a result
                require(False, f"{what} ends in {type(error).__name__}: {error}")
            require(False, f"{what} is read")


class Payload:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


def a_file_runs_no_code(part: Part) -> None:
    """A pickle under the format's name is refused, and nothing in it is called."""
    with tempfile.TemporaryDirectory() as folder:
        mark, path = Path(folder, "ran"), Path(folder, part.manifest.weight_file)
        for protocol in (2, 4):
            torch.save({"a": Payload(str(mark))}, path, pickle_protocol=protocol)
            try:
                found = part.resolve("reader")(path)
                for name in found:
                    found.tensor(name)
            except Exception:  # noqa: BLE001 - refused, however
                pass
            require(not mark.exists(), "reading ran code that was in the file")


FORMAT_CHECKS = (
    Rule(what_is_written_is_read, can_be_written),
    Rule(a_model_is_saved_and_loaded, can_be_written),
    Rule(a_damaged_file_is_refused, can_be_written),
    Rule(a_file_runs_no_code, says_it_is_safe),
)
