"""Token ids back to text."""

from __future__ import annotations

import pytest

from automodel_core.errors import (
    TokenizationError,
)


def test_decoding(tokenizer):
    ids = tokenizer("Hello , world !")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    assert tokenizer.decode([ids, ids]) == [tokenizer.decode(ids)] * 2
    assert tokenizer.decode(2) == "[CLS]"
    assert tokenizer.decode({"input_ids": [2]}) == "[CLS]"
    assert tokenizer.clean_up_tokenization("it 's here .") == "it's here."
    with pytest.raises(TokenizationError, match="-100 marks positions"):
        tokenizer.decode([2, -100])
    with pytest.raises(TokenizationError, match=r"Cannot decode 1\.5"):
        tokenizer.decode([1.5])
