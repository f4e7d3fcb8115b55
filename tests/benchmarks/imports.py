"""Time to import an Auto class, to a tokenizer and to a model, in processes of their own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.rounds import interleaved, table

DISTRIBUTIONS = 200
DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"
TOKENIZER = "from {} import AutoTokenizer as A; A.from_pretrained({!r})('nine thousand and sixty')"
MODEL = "from {} import AutoModelForSeq2SeqLM as A; A.from_pretrained({!r})"


def python(code: str, path: Path | None = None) -> Callable[[], object]:
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs is compiled
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def cpu_time() -> float:
    """Return the seconds that child processes have computed."""
    times = os.times()
    return times.children_user + times.children_system


def fake_distributions(folder: Path) -> None:
    """Write the metadata of plugins that provide one model type each."""
    for number in range(DISTRIBUTIONS):
        info = folder / f"fake_plugin_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: fake-plugin-{number}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[automodel.architectures]\nfake{number} = fake_plugin_{number}.plugin\n",
            encoding="utf-8",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--cpu-time", action="store_true", help="what the processes compute: where others do, too"
    )
    options = parser.parse_args()
    rounds, clock = options.rounds, cpu_time if options.cpu_time else time.perf_counter
    line = "from {} import AutoModelForSeq2SeqLM"
    with tempfile.TemporaryDirectory() as temporary:
        fake_distributions(Path(temporary))
        result = interleaved(
            {
                "ours": python(line.format("automodel_core")),
                "with plugins": python(line.format("automodel_core"), Path(temporary)),
                "theirs": python(line.format("transformers")),
                "our tokenizer": python(TOKENIZER.format("automodel_core", str(DEMO))),
                "their tokenizer": python(TOKENIZER.format("transformers", str(DEMO))),
                "our model": python(MODEL.format("automodel_core", str(DEMO))),
                "their model": python(MODEL.format("transformers", str(DEMO))),
                "torch": python("import torch"),
                "nothing": python("pass"),
            },
            rounds,
            clock,
        )
    added = result.median("with plugins") - result.median("ours")
    rows = [
        [
            "from automodel_core import AutoModelForSeq2SeqLM",
            f"{result.median('ours') * 1e3:.0f} ms",
        ],
        ["the same line from transformers", f"{result.median('theirs') * 1e3:.0f} ms"],
        ["share of it", f"{1 / result.ratio('ours', 'theirs'):.3f}"],
        [f"each of {DISTRIBUTIONS} more plugins", f"{added / DISTRIBUTIONS * 1e3:.3f} ms"],
        ["a tokenizer and its first call", f"{result.median('our tokenizer') * 1e3:.0f} ms"],
        ["the same in transformers", f"{result.median('their tokenizer') * 1e3:.0f} ms"],
        ["times faster", f"{result.ratio('our tokenizer', 'their tokenizer'):.1f}"],
        ["a model", f"{result.median('our model') * 1e3:.0f} ms"],
        ["the same in transformers", f"{result.median('their model') * 1e3:.0f} ms"],
        ["import torch", f"{result.median('torch') * 1e3:.0f} ms"],
        ["Python alone", f"{result.median('nothing') * 1e3:.0f} ms"],
    ]
    print(table("Import, in fresh processes", ["what", "time"], rows))


if __name__ == "__main__":
    main()
