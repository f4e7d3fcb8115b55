"""What the benchmarks of models take from the command line, and where they keep checkpoints."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import transformers

from benchmarks.shapes import CASES, SHAPES

__all__ = ["checkpoints_in", "command", "each_case", "with_cases"]


def command(
    description: str | None, shapes: Collection[str] = tuple(SHAPES)
) -> argparse.ArgumentParser:
    """Return a parser of ``--rounds``, ``--shapes`` and ``--folder``; the reference is silenced."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(shapes))
    parser.add_argument("--folder", type=Path, default=None, help="keep the checkpoints here")
    return parser


def with_cases(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a parser take ``--cases``, too."""
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    return parser


@contextmanager
def checkpoints_in(options: argparse.Namespace) -> Iterator[Path]:
    """Give the folder for checkpoints: the one named, or one that is gone afterwards."""
    with tempfile.TemporaryDirectory() as temporary:
        yield options.folder or Path(temporary)


def each_case(
    options: argparse.Namespace, measure: Callable[[str, str], list[str]]
) -> list[list[str]]:
    """Return what is measured of every shape in every case."""
    return [measure(shape, case) for shape in options.shapes for case in options.cases]
