"""Damaged files of every format are read, or refused by an error that names the file.

A few cases in the usual run, 100,000 by ``nox -s fuzz -- 100000``. What was found once is kept in
``corpus``, in folders named as the file that each stands for, and tried every time.
"""

from __future__ import annotations

import os
from pathlib import Path

from fuzz.running import report, run_cases, run_corpus

CORPUS = Path(__file__).with_name("corpus")


def test_damaged_files() -> None:
    count = int(os.environ.get("FUZZ", "500"))
    faults = run_cases(count)
    told = report(count, faults)
    print(told)
    assert not faults, told


def test_what_was_found() -> None:
    files = [path for path in CORPUS.glob("*/*/*") if path.is_file()]
    faults = run_corpus(CORPUS)
    assert files
    assert not faults, report(len(files), faults)
