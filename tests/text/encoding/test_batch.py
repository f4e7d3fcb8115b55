"""The output of a tokenizer: tensors, words and characters."""

from __future__ import annotations

import pytest

from automodel_core.errors import TokenizationError
from automodel_core.text import BatchEncoding


def test_tensors(tokenizer):
    torch = pytest.importorskip("torch")
    rows = tokenizer(["a", "b c"], padding=True, return_tensors="pt")
    assert rows["input_ids"].dtype == torch.int64
    assert rows.to("cpu").input_ids.shape == (2, 4)
    assert tokenizer("", add_special_tokens=False, return_tensors="pt")["input_ids"].shape == (1, 0)
    assert tokenizer.decode(rows["input_ids"][0]) == "[CLS] a [SEP] [PAD]"
    padded = tokenizer.pad({"input_ids": [torch.tensor([1, 2]), torch.tensor([3])]})
    assert padded["input_ids"].tolist() == [[1, 2], [3, 0]]


def test_numpy(tokenizer):
    numpy = pytest.importorskip("numpy")
    rows = tokenizer(["a", "b"], return_tensors="np")
    assert isinstance(rows["input_ids"], numpy.ndarray)
    assert tokenizer.batch_decode(rows["input_ids"], skip_special_tokens=True) == ["a", "b"]


def test_tokens_words_and_characters_are_aligned(tokenizer):
    batch = tokenizer(["Hello, world!", "a b"], ["b", "c"])
    assert batch.is_fast
    assert batch.n_sequences == 2
    assert batch[1].tokens == batch.tokens(1) == ["[CLS]", "a", "b", "[SEP]", "c", "[SEP]"]
    assert batch.sequence_ids(1) == [None, 0, 0, None, 1, None]
    assert batch.word_ids(1) == batch.words(1) == [None, 0, 1, None, 0, None]
    assert batch.token_to_chars(1, 2) == (2, 3)
    assert batch.token_to_chars(0) is None
    assert (batch.token_to_word(1, 2), batch.token_to_sequence(1, -2)) == (1, 1)
    assert batch.word_to_tokens(1, 0, sequence_index=1) == (4, 5)
    assert batch.word_to_chars(1, 1) == (2, 3)
    assert (batch.char_to_token(1, 2), batch.char_to_word(1, 2)) == (2, 1)
    assert batch.char_to_token(1, 1) is None


def test_what_a_batch_does_not_know(tokenizer):
    batch = tokenizer(["a"])
    with pytest.raises(TokenizationError, match="Row 3 does not exist: the batch has 1 rows"):
        batch.tokens(3)
    with pytest.raises(TokenizationError, match="Text 0 has no word 7"):
        batch.word_to_chars(0, 7)
    alone = BatchEncoding({"input_ids": [[1], [2]]})
    assert alone[0:1] == {"input_ids": [[1]]}
    with pytest.raises(TokenizationError, match="Only encodings of text"):
        alone.tokens()
    with pytest.raises(KeyError, match="a key is a name"):
        alone[0]
