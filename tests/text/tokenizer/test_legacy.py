"""Methods of transformers 4."""

from __future__ import annotations

import pytest

from automodel_core.errors import (
    TokenizationError,
)


def test_older_calls(tokenizer):
    assert tokenizer.encode_plus("a", "b") == tokenizer("a", "b")
    assert tokenizer.batch_encode_plus(["a", "b"]) == tokenizer(["a", "b"])
    batch = tokenizer.prepare_seq2seq_batch(["a b"], ["c"], max_length=8, return_tensors=None)
    assert batch["labels"] == tokenizer(["c"])["input_ids"]
    with tokenizer.as_target_tokenizer():
        assert tokenizer("a") == tokenizer("a")
    prepared = tokenizer.prepare_for_model([7, 8, 9], [10], truncation=True, max_length=6)
    assert prepared["input_ids"] == [2, 7, 8, 3, 10, 3]
    assert tokenizer.truncate_sequences([1, 2, 3], None, 1, stride=1) == ([1, 2], None, [2, 3])
    with pytest.raises(TokenizationError, match="too short or absent"):
        tokenizer.truncate_sequences([1], None, 1, "only_second")
