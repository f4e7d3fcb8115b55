"""Padding rows that are encoded already."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from automodel_core.errors import (
    TokenizationError,
)
from automodel_core.text import PreTrainedTokenizer


def test_pad(tokenizer):
    rows = [tokenizer("a"), tokenizer("a b c")]
    assert tokenizer.pad(rows)["attention_mask"] == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    left = tokenizer.pad({"input_ids": [[5], [6, 7]]}, padding_side="left", pad_to_multiple_of=4)
    assert left["input_ids"] == [[0, 0, 0, 5], [0, 0, 6, 7]]
    assert tokenizer.pad({"input_ids": [5]}, padding="max_length", max_length=3)["input_ids"] == [
        5,
        0,
        0,
    ]
    with pytest.raises(TokenizationError, match="needs 'input_ids'"):
        tokenizer.pad({"labels": [1]})
    with pytest.raises(TokenizationError, match="'labels' has not one entry"):
        tokenizer.pad({"input_ids": [[1], [2]], "labels": [1]})


def test_padding_needs_a_token(pipeline):
    tokenizer = PreTrainedTokenizer(tokenizer_object=Tokenizer.from_str(pipeline))
    with pytest.raises(TokenizationError, match="does not have a padding token"):
        tokenizer("a", padding=True)
