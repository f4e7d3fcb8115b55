"""What a model gives in another process, which is started once and asked as often as needed."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core import AutoModel
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.case import outputs
from automodel_core.testing.check import require

__all__ = ["outputs_elsewhere"]

INPUTS, FOUND = "inputs.pt", "found.pt"


def outputs_elsewhere(model: Any, inputs: Inputs) -> dict[str, Tensor]:
    """Return the tensors that a process of its own makes of inputs with the saved model.

    Raises `CheckFailedError` with what that process says.
    """
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        torch.save(inputs, Path(folder, INPUTS))
        error = _process().ask(folder)
        require(not error, f"a new process cannot run the model: {error[-2000:]}")
        found: dict[str, Tensor] = torch.load(Path(folder, FOUND), weights_only=True)
    return found


class _Process:
    """A Python of its own, which runs this module."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        pipe = subprocess.PIPE
        self._python: Any = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603
        atexit.register(self._python.communicate)  # it ends when no more questions come

    def ask(self, folder: str) -> str:
        """Have the model of a folder run, and return what went wrong, if anything."""
        try:
            self._python.stdin.write(json.dumps(folder) + "\n")
            self._python.stdin.flush()
            answer = self._python.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            _process.cache_clear()
            return f"it ended with {self._python.wait()}"
        error: str = json.loads(answer)
        return error


@cache
def _process() -> _Process:
    return _Process()


def _answer(folder: str) -> str:
    try:
        model = AutoModel.from_pretrained(folder)
        inputs = torch.load(Path(folder, INPUTS), weights_only=True)
        torch.save(outputs(model, inputs), Path(folder, FOUND))
    except Exception:  # noqa: BLE001 - the process that asked shows it
        return traceback.format_exc()
    return ""


def main() -> None:
    """Answer one folder a line until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever models print is no answer
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
