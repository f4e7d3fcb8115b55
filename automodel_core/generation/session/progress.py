"""A progress line for long runs, on stderr or in a notebook."""

from __future__ import annotations

from typing import Any, TextIO

__all__ = ["ProgressLine"]


class ProgressLine:
    """Show how many of ``total`` steps are done, and how fast, at most ten times a second.

    ``HF_HUB_DISABLE_PROGRESS_BARS`` switches it off, as it does for downloads.
    """

    def __init__(self, total: int, unit: str = "tokens", stream: TextIO | None = None) -> None:
        from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

        bar: Any = tqdm
        self._bar = bar(total=total, unit=f" {unit}", file=stream, mininterval=0.1)

    def advance(self) -> None:
        self._bar.update()

    def close(self) -> None:
        """Show the final count and end the line."""
        self._bar.close()
