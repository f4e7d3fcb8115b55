"""Tokenizers of transformers that are made from ours give the same ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from automodel_core import AutoTokenizer
from automodel_core.integrations import to_transformers

transformers = pytest.importorskip("transformers")

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


def test_a_tokenizer_of_theirs_encodes_as_ours() -> None:
    ours = AutoTokenizer.from_pretrained(DEMO)
    theirs = to_transformers(ours)
    assert isinstance(theirs, transformers.PreTrainedTokenizerFast)
    texts = ["forty-two", "six hundred and twelve", ""]
    assert theirs(texts, padding=True).data == ours(texts, padding=True).data
    assert theirs.special_tokens_map == ours.special_tokens_map
