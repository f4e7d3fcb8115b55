"""Fixtures for the tests of the Auto classes."""

from __future__ import annotations

import pytest

from support.hub import hub
from support.tiny_plugin import checkpoint, tiny_gpt, tiny_site

__all__ = ["checkpoint", "hub", "tiny_gpt", "tiny_site"]


@pytest.fixture
def tokenizer_json() -> bytes:
    """A tokenizer.json that knows three words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer.to_str().encode()
