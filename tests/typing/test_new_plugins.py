"""What ``automodel-core new`` writes has types that hold, for every kind and every tokenizer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.cli.scaffold.kinds import KINDS, READS_TEXT, TOKENIZERS
from automodel_core.cli.scaffold.new import write_files

ROOT = Path(__file__).parents[2]


def test_new_plugins_pass_strict_checks(tmp_path: Path) -> None:
    for kind in KINDS:
        for tokenizer in TOKENIZERS if kind in READS_TEXT else ("any",):
            files = plugin_files(f"{kind}-{tokenizer}", kind, tokenizer)
            package = {path: text for path, text in files.items() if path.startswith("automodel_")}
            write_files(package, tmp_path / f"{kind}-{tokenizer}")
    plugins = sorted(tmp_path.glob("*"))
    sources = (ROOT, ROOT / "plugins" / "automodel-bert", *plugins)
    options = ["--strict", "--follow-imports=silent", "--config-file", os.devnull]
    options += ["--cache-dir", str(tmp_path / ".cache"), "--python-version", "3.10"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, tmp_path.glob("*/automodel_*"))],
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, sources))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
