"""The core names no architecture, except in the generated catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path

import automodel_core
from automodel_core.registry.hints import CATALOGUE_FILE

CORE = Path(automodel_core.__file__).parent
# Model types of the field, with and without a plugin here; "clip" is a word of its own.
NAMES = {
    "albert", "bart", "bert", "bigbird", "blenderbot", "blip", "deberta", "detr", "distilbert",
    "electra", "gpt2", "gptneox", "layoutlm", "llama", "m2m_100", "marian", "mbart", "mistral",
    "mt5", "pegasus", "prophetnet", "qwen2", "roberta", "swin", "t5", "umt5", "vit", "wav2vec2",
    "whisper", "xlnet",
}  # fmt: skip


def test_no_file_of_the_core_names_an_architecture() -> None:
    catalogue = json.loads(CATALOGUE_FILE.read_text("utf-8"))["architectures"]
    names = "|".join(re.escape(name) for name in sorted(NAMES | set(catalogue)))
    named = re.compile(
        rf"(?<![a-z0-9])(?:{names})(?![a-z0-9])"  # a word, or a part of a snake_case name
        rf"|\b(?:{names})(?=Attention|Config|For|Layer|Model|Token)",  # a class
        re.IGNORECASE,
    )
    found = [
        f"{path.relative_to(CORE)}:{number}: {line.strip()}"
        for path in sorted(CORE.rglob("*"))
        if path.suffix in {".py", ".pyi", ".json"} and path != CATALOGUE_FILE
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if named.search(line)
    ]
    assert found == []
