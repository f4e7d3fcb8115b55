"""A process that reads damaged files, within limits of time and memory.

``python -m fuzz.worker FOLDER FIRST LAST`` tries the cases of these numbers, ``FOLDER CORPUS`` all
files of a folder; with ``refused`` behind it, a file that is taken is a fault, too. Each line that
it writes is a number, before the case is tried, or a `Fault` in JSON. It ends early if a case takes
too long; its last line tells which.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch

from automodel_core.errors import AutomodelError
from fuzz.subjects import SUBJECTS, Subject, build

__all__ = ["cases", "corpus_cases"]

LONGEST = 20.0
"""Seconds, by the clock, after which a case counts as one that never ends."""
SLOWEST = 1.0
"""Seconds of computing that a case may take."""
MEMORY = 100_000_000
"""Bytes that a case may ask for, beyond what the process has."""

Case = tuple[int, Subject, bytes]


def cases(root: Path, first: int, last: int) -> Iterator[Case]:
    """Yield damaged files; the number alone determines what is done to which file."""
    for number in range(first, last):
        subject = SUBJECTS[number % len(SUBJECTS)]
        draw = Random(number)
        yield number, subject, subject.mutate(draw, (root / subject.name).read_bytes())


def corpus_cases(corpus: Path) -> Iterator[Case]:
    """Yield the files of a corpus, which lie in folders as the file that each replaces."""
    for number, path in enumerate(sorted(path for path in corpus.glob("*/*/*") if path.is_file())):
        name = path.parent.relative_to(corpus).as_posix()
        subject = next(subject for subject in SUBJECTS if subject.name == name)
        yield number, subject, path.read_bytes()


def unclear(subject: Subject, folder: Path, content: bytes, *, refused: bool) -> str | None:
    """Read a damaged file; return what is wrong with the answer, or ``None``."""
    path = folder / subject.file
    original = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    began = time.process_time()
    try:
        subject.use(read := subject.read(folder))
        del read
        if refused:
            return "taken"
    except AutomodelError as error:
        if not any(name in str(error) for name in (subject.file, str(folder))) and _reading(error):
            return f"names no file: {type(error).__name__}: {error}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the Rust library is no Exception
        return f"unclear: {_place(error)}: {type(error).__name__}: {error}"
    finally:
        path.unlink()
        path.write_bytes(original)
    took = time.process_time() - began
    return f"took {took:.1f} s" if took > SLOWEST else None


def _reading(error: BaseException) -> bool:
    """Return whether an error is of reading a file, not of using what was read."""
    frames = traceback.extract_tb(error.__traceback__)
    return not any(
        frame.name in ("encode", "chat", "see") and "fuzz" in frame.filename for frame in frames
    )


def _place(error: BaseException) -> str:
    """Return where in the core or a plugin an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "automodel_" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def limit_memory() -> None:
    """Limit what this process may have to a little more than what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def main(root: Path, chosen: Iterator[Case], *, refused: bool = False) -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    torch.set_num_threads(1)
    build(root)
    for subject in SUBJECTS:  # imports what is needed, and shows that the files are good
        subject.use(subject.read(root / subject.folder))
    print("begun", flush=True)
    for number, subject, content in chosen:
        print(number, flush=True)
        limit_memory()
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        fault = unclear(subject, root / subject.folder, content, refused=refused)
        faulthandler.cancel_dump_traceback_later()
        if fault is not None:
            print(json.dumps([number, subject.name, fault]), flush=True)


if __name__ == "__main__":
    folder, first, *rest = sys.argv[1:]
    if rest and rest != ["refused"]:
        main(Path(folder), cases(Path(folder), int(first), int(rest[0])))
    else:
        main(Path(folder), corpus_cases(Path(first)), refused=bool(rest))
