"""A progress line for long runs, on stderr. No torch."""

from __future__ import annotations

import sys
import time
from typing import TextIO

__all__ = ["ProgressLine"]


class ProgressLine:
    """Show how many of ``total`` steps are done, and how fast, at most ten times a second."""

    def __init__(self, total: int, unit: str = "tokens", stream: TextIO | None = None) -> None:
        self.total = total
        self.unit = unit
        self.done = 0
        self._stream = sys.stderr if stream is None else stream
        self._start = self._shown_at = time.monotonic()

    def advance(self) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self._shown_at >= 0.1:
            self._shown_at = now
            self._show(now)

    def close(self) -> None:
        """Show the final count and end the line."""
        self._show(time.monotonic())
        self._stream.write("\n")
        self._stream.flush()

    def _show(self, now: float) -> None:
        width = 30
        filled = width * self.done // max(self.total, 1)
        rate = self.done / max(now - self._start, 1e-9)
        bar = "#" * filled + "." * (width - filled)
        self._stream.write(f"\r[{bar}] {self.done}/{self.total} {self.unit}, {rate:.1f}/s")
        self._stream.flush()
