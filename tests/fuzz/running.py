"""Run many cases in worker processes, begin again behind each that a worker dies of, and count."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

__all__ = ["Fault", "report", "run_cases", "run_corpus"]

TESTS = Path(__file__).parents[1]
AT_ONCE = 2000
"""Cases of one worker, whose memory shall not grow for ever."""


class Fault(NamedTuple):
    """A case whose answer is not clear: its number, which file was damaged, and what happened."""

    number: int
    subject: str
    what: str

    @property
    def kind(self) -> str:
        """What faults of one cause have in common."""
        return re.sub(r"'[^']*'|\"[^\"]*\"|[\d.]+ s|0x[0-9a-f]+|\d{2,}", "_", self.what)[:110]


def run_cases(count: int) -> list[Fault]:
    """Try the cases ``0 ... count - 1``, one worker for each CPU that this process may use."""
    chunks = [(first, min(first + AT_ONCE, count)) for first in range(0, count, AT_ONCE)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda chunk: list(_until_done(*chunk)), chunks)
        return [fault for faults in found for fault in faults]


def run_corpus(corpus: Path, *, refused: bool = False) -> list[Fault]:
    """Try all files of a corpus, none of which may be taken if they are to be ``refused``.

    One that a worker dies of hides those behind it.
    """
    faults, last, ending = _work(str(corpus), *(["refused"] if refused else []))
    return [*faults, *([Fault(last, "corpus", ending)] if ending else [])]


def _until_done(first: int, last: int) -> Iterator[Fault]:
    while first < last:
        faults, reached, ending = _work(str(first), str(last))
        yield from faults
        if not ending:
            return
        yield Fault(reached, "", ending)
        first = reached + 1


def _work(*arguments: str) -> tuple[list[Fault], int, str]:
    """Run a worker: its faults, the last case that it tried, and how it ended unless well."""
    variables = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    with TemporaryDirectory() as folder:
        command: Sequence[str] = (sys.executable, "-m", "fuzz.worker", f"{folder}/x", *arguments)
        done = subprocess.run(command, env=variables, capture_output=True, text=True)  # noqa: PLW1510
    faults, reached = [], -1
    for line in done.stdout.splitlines():
        if line.isdigit():
            reached = int(line)
        elif line.startswith("["):
            faults.append(Fault(*json.loads(line)))
    if reached < 0:
        raise RuntimeError(f"no worker began: {done.stderr}")
    if done.returncode == 0:
        return faults, reached, ""
    return faults, reached, f"died ({done.returncode}): {done.stderr[-1500:]}"


def report(count: int, faults: Sequence[Fault]) -> str:
    """Return how many faults of which kind were found in how many cases, with an example each."""
    lines = [f"{count} damaged files, {len(faults)} answers that are not clear"]
    examples = {fault.kind: fault for fault in reversed(faults)}
    for kind, times in Counter(fault.kind for fault in faults).most_common():
        example = examples[kind]
        lines.append(f"{times:5} x {example.number} {example.subject}: {example.what[:600]}")
    return "\n".join(lines)


if __name__ == "__main__":
    count = int(sys.argv[1])
    print(report(count, run_cases(count)))
