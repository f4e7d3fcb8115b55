"""One call of a pipeline: its inputs in windows, each window in batches, the results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.failures import ENDS_ALL, Failed
from automodel_core.tasks.base.lengths import Bounds, batches_by_length

__all__ = ["Results", "Run", "Steps"]

MOST_BYTES = 64 * 2**20
MOST_TOKENS = 2**17
"""The size of a window's prepared inputs at which it is closed, however few they are."""


class Steps(Protocol):
    """What a run needs of a pipeline."""

    @property
    def preprocess(self) -> Callable[..., Chunk | Iterable[Chunk]]: ...

    @property
    def postprocess(self) -> Callable[..., Any]: ...

    def run_batch(self, chunks: Sequence[Chunk], options: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Run:
    """The options of a call by step, the bounds of its batches, and how many inputs it sorts."""

    pipeline: Steps
    options: Mapping[str, Mapping[str, Any]]
    bounds: Bounds
    window: int

    def results(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """Yield the result of each input, or a `Failed`, reading one window ahead at most."""
        prepared: list[list[Chunk] | Failed] = []
        size = tokens = 0
        positions = count()
        for item in inputs:
            chunks = self._prepared(next(positions), item)
            prepared.append(chunks)
            for chunk in () if isinstance(chunks, Failed) else chunks:
                size += sum(value.nbytes for value in chunk.inputs.values())
                tokens += chunk.length
            if len(prepared) >= self.window or size >= MOST_BYTES or tokens >= MOST_TOKENS:
                yield from self._window(prepared)
                prepared, size, tokens = [], 0, 0
        yield from self._window(prepared)

    def _prepared(self, position: int, item: Any) -> list[Chunk] | Failed:
        try:
            made = self.pipeline.preprocess(item, **self.options["preprocess"])
            return [made] if isinstance(made, Chunk) else list(made)
        except ENDS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a bad input raises
            return Failed(position, error)

    def _window(self, prepared: list[list[Chunk] | Failed]) -> Iterator[Any]:
        chunks = [chunk for one in prepared if not isinstance(one, Failed) for chunk in one]
        lengths = [chunk.length for chunk in chunks]
        forms = [chunk.form for chunk in chunks]
        problems: dict[int, Exception] = {}
        for batch in batches_by_length(lengths, forms, self.bounds):
            self._forward([chunks[position] for position in batch], problems)
        del chunks  # so that each input's outputs go with its result
        for position, one in enumerate(prepared):
            yield one if isinstance(one, Failed) else self._answered(position, one, problems)
            prepared[position] = []

    def _forward(self, batch: list[Chunk], problems: dict[int, Exception]) -> None:
        """Run a batch; one that fails is halved until the chunks that it fails for are found."""
        try:
            self.pipeline.run_batch(batch, self.options["forward"])
        except ENDS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model raises for its input
            if len(batch) == 1:
                problems[id(batch[0])] = error
                return
            middle = len(batch) // 2
            self._forward(batch[:middle], problems)
            self._forward(batch[middle:], problems)

    def _answered(self, position: int, chunks: list[Chunk], problems: dict[int, Exception]) -> Any:
        found = next((problems[id(chunk)] for chunk in chunks if id(chunk) in problems), None)
        if found is not None:
            return Failed(position, found)
        try:
            return self.pipeline.postprocess(chunks, **self.options["postprocess"])
        except ENDS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a bad input raises
            return Failed(position, error)


class Results(Iterator[Any]):
    """The results of a generator or a dataset, made while they are asked for.

    A bad input raises its error at its place, or is returned as it; the next call goes on.
    """

    def __init__(self, results: Iterator[Any], length: int | None, on_error: str) -> None:
        self._results = results
        self._length = length
        self._on_error = on_error

    def __next__(self) -> Any:
        result = next(self._results)
        if not isinstance(result, Failed):
            return result
        if self._on_error == "return":
            return result.error
        result.error.args = (result.described(), *result.error.args[1:])
        raise result.error

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the results of a generator have no length")
        return self._length
