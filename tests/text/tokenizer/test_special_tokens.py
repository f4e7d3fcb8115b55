"""Special tokens by name, and additional ones."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from automodel_core.errors import (
    TokenizationError,
)
from automodel_core.text import PreTrainedTokenizer


def test_special_tokens(tokenizer):
    assert tokenizer.pad_token_id == 0
    assert tokenizer.all_special_ids == [1, 3, 0, 2, 4]
    assert tokenizer.eos_token is None
    tokenizer.eos_token = "[SEP]"
    assert tokenizer.eos_token_id == 3
    tokenizer.eos_token_id = 2
    assert tokenizer.eos_token == "[CLS]"
    assert (
        tokenizer.add_special_tokens({"bos_token": "<s>", "additional_special_tokens": ["<x>"]})
        == 2
    )
    assert tokenizer.additional_special_tokens == tokenizer.extra_special_tokens == ["<x>"]
    assert tokenizer.convert_ids_to_tokens(tokenizer.additional_special_tokens_ids) == ["<x>"]
    assert tokenizer("<s>", add_special_tokens=False)["input_ids"] == [tokenizer.bos_token_id]
    assert tokenizer.decode([tokenizer.bos_token_id], skip_special_tokens=True) == ""
    with pytest.raises(TokenizationError, match="must be a str"):
        tokenizer.pad_token = 3
    with pytest.raises(TokenizationError, match="not the name of a special token"):
        tokenizer.add_special_tokens({"pad": "x"})
    with pytest.raises(AttributeError, match="no attribute 'image_token'"):
        _ = tokenizer.image_token


def test_a_models_own_token_is_an_attribute(pipeline):
    tokenizer = PreTrainedTokenizer(
        tokenizer_object=Tokenizer.from_str(pipeline), image_token="<image>"
    )
    assert tokenizer.image_token == "<image>"
    assert tokenizer.image_token_id == len(tokenizer) - 1
    tokenizer.image_token = "[MASK]"
    assert tokenizer.image_token_id == 4
