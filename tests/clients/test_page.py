"""Each block of the pages on other packages runs by itself, where its packages are installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "integrations.md", ROOT / "docs" / "scale.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [code for page in PAGES for code in BLOCK.findall(page.read_text("utf-8"))]
BRINGS = {"automodel_core.integrations": "transformers", "device_map": "accelerate"}
"""Packages that a block needs without importing them, by what it names."""


def needed(code: str) -> list[str]:
    """Return the packages and modules that a block imports or needs."""
    imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", code, re.MULTILINE)
    return [*imported, *(package for name, package in BRINGS.items() if name in code)]


@pytest.mark.parametrize("code", BLOCKS, ids=[" ".join(needed(code)) for code in BLOCKS])
def test_a_block_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment ``# -> ...`` says what is printed; what packages print beside it is ignored."""
    for name in needed(code):
        pytest.importorskip(name)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out.strip().splitlines()
    promised = re.findall(r"^# -> (.*)$", code, flags=re.MULTILINE)
    assert [line for line in printed if line in promised] == promised, printed


def test_files_that_the_table_names_exist() -> None:
    rows = re.findall(r"^\| .*`(test_\w+\.py)` \|$", PAGES[0].read_text("utf-8"), re.MULTILINE)
    assert rows
    assert not [name for name in rows if not Path(__file__).with_name(name).is_file()]
