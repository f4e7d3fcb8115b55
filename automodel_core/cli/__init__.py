"""The command line, ``automodel-core``: what is installed, what a checkpoint is, and its answers.

Exit codes: 0 done, 1 it could not be done (one line on stderr says why), 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence

__all__ = ["main"]

FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    from automodel_core.cli.parser import parse

    options = parse(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        # Torch says so on import, and nothing here needs it.
        warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
        try:
            return int(options.run(options))
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # The reader has seen enough; without this the interpreter complains at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # noqa: BLE001 - the last place that can say it in one line
            if options.debug:
                traceback.print_exc()
            else:
                print(f"automodel-core: {_one_line(error)}", file=sys.stderr)
            return FAILED


def _one_line(error: Exception) -> str:
    """Return an error as one line; an unexpected one says how to see its traceback."""
    from automodel_core.errors import AutomodelError

    said = " ".join(str(error).split())
    if isinstance(error, AutomodelError | OSError) and said:
        return f"error: {said}"
    return f"error: {type(error).__name__}: {said} (--debug shows where)"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    print(f"automodel-core: warning: {' '.join(str(message).split())}", file=sys.stderr)
