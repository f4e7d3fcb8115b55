"""`LoadReport`: what became of each weight in a load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["LoadReport", "Mismatch"]

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


@dataclass(frozen=True)
class LoadReport:
    """The hub names of all weights, by what happened to them.

    ``loaded`` came from the checkpoint, some of them ``converted`` to another dtype. ``tied``
    share another weight; ``untied`` should have, and have values of their own in the checkpoint.
    ``missing`` and ``mismatched`` have no values until somebody gives them, and are
    ``initialised`` afterwards. ``unexpected`` are in the checkpoint only.
    """

    loaded: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
    initialised: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    missing: tuple[str, ...] = ()
    untied: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every weight of the model came from the checkpoint."""
        return not self.missing and not self.mismatched

    def with_initialised(self, names: Iterable[str]) -> LoadReport:
        """Return the report after these weights got new values."""
        return replace(self, initialised=tuple(names))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        values: dict[str, Any] = {name: list(found) for name, found in asdict(self).items()}
        values["mismatched"] = [
            {"name": name, "checkpoint": list(found), "model": list(needed)}
            for name, found, needed in self.mismatched
        ]
        return values

    def loading_info(self) -> dict[str, list[Any]]:
        """Return the dictionary that ``output_loading_info=True`` is known for."""
        return {
            "missing_keys": list(self.missing),
            "unexpected_keys": list(self.unexpected),
            "mismatched_keys": list(self.mismatched),
            "error_msgs": [],
        }

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} weights loaded, {len(self.tied)} tied"]
        for field, explanation in _EXPLANATIONS.items():
            rows = [_row(entry) for entry in self.to_dict()[field]]
            if not rows or field == "tied":
                continue
            lines.append(f"{field} ({len(rows)}): {explanation}")
            if field in _COUNTED:
                continue
            lines.extend(f"  {row}" for row in rows[:20])
            if len(rows) > 20:
                lines.append(f"  and {len(rows) - 20} more")
        return "\n".join(lines)


def _row(entry: str | dict[str, Any]) -> str:
    if isinstance(entry, str):
        return entry
    return f"{entry['name']}  {entry['checkpoint']} -> {entry['model']}"
