"""Interleaved rounds: every contender once a round, ratios within a round, medians over rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Rounds", "interleaved", "table"]


@dataclass(frozen=True)
class Rounds:
    """Seconds of each contender, round by round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def spread(self, name: str) -> str:
        return f"{min(self.seconds[name]):.3f}-{max(self.seconds[name]):.3f}"

    def ratio(self, name: str, other: str) -> float:
        """Return how many times faster ``name`` is than ``other``: the median over rounds."""
        pairs = zip(self.seconds[other], self.seconds[name], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)


def interleaved(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Rounds:
    """Time each contender once a round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            start = clock()
            run()
            if number:
                seconds[name].append(clock() - start)
    return Rounds(seconds)


def table(title: str, header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table under a heading."""
    lines = [f"### {title}", "", "| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
