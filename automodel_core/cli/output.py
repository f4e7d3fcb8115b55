"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["note", "print_json", "print_rows", "print_table"]


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head, in columns as wide as needed."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def print_rows(rows: Mapping[str, str], indent: str = "") -> None:
    """Print names and values, leaving out empty values."""
    width = max(map(len, rows), default=0)
    for key, value in rows.items():
        if value:
            print(f"{indent}{key:<{width}}  {value}")


def note(message: str, end: str = "\n") -> None:
    """Tell the person at the terminal something that is not the answer."""
    print(message, end=end, file=sys.stderr, flush=True)
