"""Run the command line: ``python -m automodel_core``."""

from __future__ import annotations

import sys

from automodel_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
