"""Tokens and ids, added tokens, and sequences with special tokens."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken

from automodel_core.errors import (
    TokenizationError,
)


def test_added_tokens(tokenizer):
    size = tokenizer.vocab_size
    assert tokenizer.add_tokens(["newone", AddedToken("newtwo", single_word=True)]) == 2
    assert (tokenizer.vocab_size, len(tokenizer)) == (size, size + 2)
    assert tokenizer.get_added_vocab()["newone"] == size
    assert tokenizer.convert_ids_to_tokens(size + 1) == "newtwo"
    assert tokenizer.convert_tokens_to_ids(["newone", "never seen"]) == [size, 1]
    with pytest.raises(TokenizationError, match="at least 0, got -1"):
        tokenizer.convert_ids_to_tokens(-1)


def test_ids_get_their_special_tokens(tokenizer):
    assert tokenizer.build_inputs_with_special_tokens([7], [8]) == [2, 7, 3, 8, 3]
    assert tokenizer.create_token_type_ids_from_sequences([7], [8]) == [0, 0, 0, 1, 1]
    assert tokenizer.get_special_tokens_mask([7], [8]) == [1, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([2, 7, 3], already_has_special_tokens=True) == [
        1,
        0,
        1,
    ]
    assert tokenizer.num_special_tokens_to_add(pair=True) == 3
