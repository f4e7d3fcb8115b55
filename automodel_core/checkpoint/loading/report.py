"""`LoadReport`: what became of each weight in a load."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from automodel_core.checkpoint.formats.header import TensorInfo

__all__ = ["LoadReport", "LoadingInfo", "Mismatch", "Origin", "WeightRecord"]

Mismatch = tuple[str, tuple[int, ...], tuple[int, ...]]
"""A hub name, the shape in the checkpoint, and the shape that the model needs."""

_EXPLANATIONS = {
    "missing": "needed and not in the checkpoint",
    "mismatched": "other shape than the model's: checkpoint -> model",
    "unexpected": "in the checkpoint and not used",
    "initialised": "new values, train before use",
    "untied": "meant to share another weight, and different in the checkpoint: kept apart",
    "converted": "other dtype than in the checkpoint",
    "tied": "shares another weight",
}

_COUNTED = ("converted", "initialised")
"""Fields that a printed report only counts: the caller asked for them, or they are listed above."""


class Origin(NamedTuple):
    """Where a weight comes from: its name there, what is stored, and how it is loaded.

    ``name`` is empty for a weight that no file holds, ``dtype`` for one that is not loaded.
    ``parts`` are the module's tensors that a file holds as one.
    """

    name: str
    stored: TensorInfo
    dtype: str
    parts: int = 1


@dataclass(frozen=True)
class WeightRecord:
    """One weight: where it was, as what, and what happened to it.

    ``name`` is its usual name on the hub, ``stored_name`` that in the file. ``shape`` is the stored
    one. ``outcome`` are words: "read" as it is, or "cast", "split" into several weights of the
    model; "tied" to another, "new", "mismatched", "unexpected". Of what is not known a field is
    empty.
    """

    name: str
    outcome: tuple[str, ...]
    file: str = ""
    stored_name: str = ""
    stored_dtype: str = ""
    dtype: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class LoadReport:
    """The hub names of all weights, by what happened to them.

    ``loaded`` came from the checkpoint, some of them ``converted`` to another dtype. ``tied``
    share another weight; ``untied`` should have, and have values of their own in the checkpoint.
    ``missing`` and ``mismatched`` have no values until somebody gives them, and are
    ``initialised`` afterwards. ``unexpected`` are in the checkpoint only. ``origins`` say of each
    weight where it comes from; `weights` is all of that in one list, `table` prints it.
    """

    loaded: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
    initialised: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    missing: tuple[str, ...] = ()
    untied: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """Whether every weight of the model came from the checkpoint."""
        return not self.missing and not self.mismatched

    @property
    def weights(self) -> tuple[WeightRecord, ...]:
        """A record of each weight: those of the model, then unexpected ones of the checkpoint."""
        return tuple(self._records())

    def _records(self) -> Iterator[WeightRecord]:
        converted, new = set(self.converted), dict.fromkeys(self.initialised or self.missing)
        for name in self.loaded:
            origin = self.origins.get(name)
            words = ["split"] if origin is not None and origin.parts > 1 else []
            words += ["cast"] if name in converted else []
            yield self._record(name, *(words or ["read"]))
        for name in self.tied:
            if name not in self.loaded:
                yield self._record(name, "tied")
        wrong = [name for name, _, _ in self.mismatched]
        for name in wrong:
            yield self._record(name, "mismatched", *(["new"] if name in new else []))
        for name in new:
            if name not in wrong:
                yield self._record(name, "new")
        for name in self.unexpected:
            yield self._record(name, "unexpected")

    def _record(self, name: str, *outcome: str) -> WeightRecord:
        origin = self.origins.get(name)
        if origin is None:
            return WeightRecord(name, outcome)
        return WeightRecord(
            name,
            outcome,
            file=Path(origin.stored.file).name,
            stored_name=origin.name,
            stored_dtype=origin.stored.dtype,
            dtype=origin.dtype,
            shape=origin.stored.shape,
        )

    def with_initialised(self, origins: Mapping[str, Origin]) -> LoadReport:
        """Return the report after these weights got new values."""
        known = {
            name: old._replace(dtype=origin.dtype) if (old := self.origins.get(name)) else origin
            for name, origin in origins.items()
        }
        return replace(self, initialised=tuple(origins), origins={**self.origins, **known})

    def beneath(self, prefix: str) -> LoadReport:
        """Return the report of a model that holds this one under a prefix of its names."""
        names: dict[str, Any] = {
            key: tuple(prefix + name for name in found)
            for key, found in vars(self).items()
            if key not in ("mismatched", "origins")
        }
        return LoadReport(
            **names,
            mismatched=tuple((prefix + name, a, b) for name, a, b in self.mismatched),
            origins={prefix + name: origin for name, origin in self.origins.items()},
        )

    def __or__(self, other: LoadReport) -> LoadReport:
        """Return the report of two models that are parts of one."""
        joined = {
            key: found + getattr(other, key)
            for key, found in vars(self).items()
            if key != "origins"
        }
        return LoadReport(**joined, origins={**self.origins, **other.origins})

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        lists = {key: list(names) for key, names in vars(self).items() if key != "origins"}
        mismatched = [
            {"name": name, "checkpoint": list(found), "model": list(needed)}
            for name, found, needed in self.mismatched
        ]
        weights = [
            {**asdict(weight), "outcome": list(weight.outcome), "shape": list(weight.shape)}
            for weight in self._records()
        ]
        return {**lists, "mismatched": mismatched, "weights": weights}

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def table(self) -> str:
        """Return a line for each weight: what happened, dtypes, shape, and where it was."""
        head = ("WEIGHT", "OUTCOME", "STORED", "LOADED", "SHAPE", "FILE", "NAME IN FILE")
        rows = [
            (
                weight.name,
                ", ".join(weight.outcome),
                weight.stored_dtype,
                weight.dtype,
                "x".join(map(str, weight.shape)),
                weight.file,
                weight.stored_name if weight.stored_name != weight.name else "",
            )
            for weight in self._records()
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        return "\n".join(lines) + "\n"

    def loading_info(self) -> LoadingInfo:
        """Return what ``output_loading_info=True`` returns beside the model."""
        return LoadingInfo(self)

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} weights loaded, {len(self.tied)} tied"]
        for key, explanation in _EXPLANATIONS.items():
            rows = [_row(entry) for entry in vars(self)[key]]
            if not rows or key == "tied":
                continue
            lines.append(f"{key} ({len(rows)}): {explanation}")
            if key in _COUNTED:
                continue
            lines.extend(f"  {row}" for row in rows[:20])
            if len(rows) > 20:
                lines.append(f"  and {len(rows) - 20} more")
        return "\n".join(lines)


class LoadingInfo(dict[str, list[Any]]):
    """The dictionary that ``output_loading_info=True`` is known for; `report` says it all."""

    def __init__(self, report: LoadReport) -> None:
        super().__init__(
            missing_keys=list(report.missing),
            unexpected_keys=list(report.unexpected),
            mismatched_keys=list(report.mismatched),
            error_msgs=[],
        )
        self.report = report


def _row(entry: str | Mismatch) -> str:
    if isinstance(entry, str):
        return entry
    name, found, needed = entry
    return f"{name}  {list(found)} -> {list(needed)}"
