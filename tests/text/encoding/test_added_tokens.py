"""Added tokens and the rules by which they match."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken

from automodel_core.errors import CheckpointFormatError
from automodel_core.text import added_token
from automodel_core.text.encoding.added_tokens import (
    read_added_tokens,
    read_token,
    renamed_token,
    token_rules,
    with_default_tokens,
)

MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)


def test_plain_texts_get_rules():
    assert token_rules(added_token("a")) == token_rules(read_token("a"))
    assert added_token("a", special=False).normalized
    assert added_token(MASK) is MASK


def test_entries_of_files_are_read_and_written():
    assert token_rules(read_token(token_rules(MASK))) == token_rules(MASK)
    assert [*read_added_tokens({"7": token_rules(MASK), "3": "a"})] == [3, 7]
    for value in (3, {"lstrip": True}, {"content": 3}):
        with pytest.raises(CheckpointFormatError, match="a text or an object with 'content'"):
            read_token(value)
    for value in ([], {"x": "a"}):
        with pytest.raises(CheckpointFormatError, match="must map ids to tokens"):
            read_added_tokens(value)


def test_a_new_text_keeps_the_rules():
    renamed = renamed_token(MASK, {"<mask>": "<m>"})
    assert token_rules(renamed) == {**token_rules(MASK), "content": "<m>"}
    assert renamed_token("a", {"a": "b"}) == "b"
    assert str(renamed_token(MASK, {})) == "<mask>"


def test_defaults_lend_their_rules_to_plain_texts():
    defaults = {"mask_token": MASK, "pad_token": "<pad>"}
    completed = with_default_tokens({"mask_token": "<m>", "other": 3}, defaults)
    assert token_rules(completed["mask_token"]) == {**token_rules(MASK), "content": "<m>"}
    assert (completed["pad_token"], completed["other"]) == ("<pad>", 3)
    assert with_default_tokens({"mask_token": None}, defaults)["mask_token"] is None
