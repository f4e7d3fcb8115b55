"""Fixtures for the tests of the Auto classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hub import FakeHub, serving_hub
from support.tiny_plugin import checkpoint, tiny_gpt, tiny_site

__all__ = ["checkpoint", "hub", "tiny_gpt", "tiny_site"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub on this machine, empty."""
    with serving_hub(tmp_path / "cache") as server:
        yield server


@pytest.fixture
def tokenizer_json() -> bytes:
    """A tokenizer.json that knows three words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer.to_str().encode()
