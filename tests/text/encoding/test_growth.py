"""Tokenizer files that would take memory without bound are refused; those of the hub are not."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers

from automodel_core.errors import CheckpointFormatError
from automodel_core.text import PreTrainedTokenizer
from automodel_core.text.encoding.growth import check_growth


def tokenizer_with(*steps: Any) -> Tokenizer:
    rust = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    rust.normalizer = normalizers.Sequence(list(steps))
    return rust


def replace(pattern: str, content: str) -> normalizers.Normalizer:
    return normalizers.Replace(pattern, content)


@pytest.mark.parametrize(
    "steps",
    [
        [replace("a", "aa")] * 14,
        [replace("a", "bb"), replace("b", "aa")] * 7,
        [replace("a", "x" * 200), normalizers.Lowercase(), replace("x", "y" * 200)],
        [normalizers.Replace(Regex("a*"), "aa")] * 14,
        [normalizers.Replace(Regex("."), "aa")] * 14,
        [replace("", "a")],
    ],
)
def test_texts_may_not_grow_without_bound(steps: list[Any]) -> None:
    with pytest.raises(CheckpointFormatError, match=r"'x\.json': the normalizer may make"):
        check_growth(tokenizer_with(*steps), "x.json")


@pytest.mark.parametrize(
    "steps",
    [
        [replace(letter, letter.upper() * 9) for letter in "abcdefghijkl"],
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), "▁"), replace(" ", "▁")],
        [normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()],
        [replace("``", '"'), replace("''", '"'), normalizers.Prepend("▁")],
    ],
)
def test_usual_steps_are_taken(steps: list[Any]) -> None:
    check_growth(tokenizer_with(*steps), "x.json")


def saved(folder: Path, change: str, **replaced: Any) -> Path:
    state = json.loads(tokenizer_with(replace("a", "b")).to_str())
    state.update(replaced)
    (folder / "tokenizer.json").write_text(json.dumps(state).replace("HERE", change))
    return folder


@pytest.mark.parametrize("key", ["precompiled_charsmap", "precompiled\\u005fcharsmap"])
def test_a_table_of_characters_is_as_long_as_it_says(key: str, tmp_path: Path) -> None:
    table = base64.b64encode(struct.pack("<I", 2**32 - 4) + b"trie").decode()
    saved(tmp_path, key, normalizer={"type": "Precompiled", "HERE": table})
    with pytest.raises(CheckpointFormatError, match=r"tokenizer\.json': precompiled_charsmap has"):
        PreTrainedTokenizer.from_pretrained(tmp_path)


def test_ids_lie_close_together(tmp_path: Path) -> None:
    model = {"type": "WordLevel", "vocab": {"a": 0, "b": 4_000_000_000}, "unk_token": "a"}
    saved(tmp_path, "", model=model)
    with pytest.raises(CheckpointFormatError, match="the id of 'b' is 4000000000"):
        PreTrainedTokenizer.from_pretrained(tmp_path)
