"""Faults of tokenizers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_bert import BertTokenizer
from support.seeded_faults.seed import around, seen


def change_settings(patch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Let saving a tokenizer write other settings; ``None`` leaves one out."""

    def save(original: Any, tokenizer: Any, folder: str, *given: Any, **more: Any) -> Any:
        written = original(tokenizer, folder, *given, **more)
        file = Path(folder, "tokenizer_config.json")
        kept = {**json.loads(file.read_text("utf-8")), **settings}
        kept = {name: value for name, value in kept.items() if value is not None}
        file.write_text(json.dumps(kept), "utf-8")
        return written

    around(patch, BertTokenizer, "save_pretrained", save)


@seen("bert", "tokenizer_survives_its_files")
def class_of_the_tokenizer_is_lost(patch: pytest.MonkeyPatch) -> None:
    """A tokenizer is saved under another class's name."""
    change_settings(patch, tokenizer_class="PreTrainedTokenizerFast")


@seen("bert", "tokenizer_survives_its_files")
def settings_of_the_tokenizer_are_lost(patch: pytest.MonkeyPatch) -> None:
    """A tokenizer loses a setting in saving."""
    change_settings(patch, padding_side=None)


@seen("bert", "tokenizer_reads_and_writes_texts")
def no_special_tokens_are_added(patch: pytest.MonkeyPatch) -> None:
    """A tokenizer adds no special tokens."""

    def call(original: Any, tokenizer: Any, *given: Any, **more: Any) -> Any:
        return original(tokenizer, *given, **{**more, "add_special_tokens": False})

    around(patch, BertTokenizer, "__call__", call)
