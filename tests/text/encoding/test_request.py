"""One call of a tokenizer: texts, pairs, targets, truncation, and what bad input gets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from tokenizers import Tokenizer

from automodel_core.errors import (
    TokenizationError,
)
from automodel_core.text import PreTrainedTokenizer


def test_a_text_a_batch_and_a_pair(tokenizer):
    one = tokenizer("Hello, world!")
    assert list(one) == ["input_ids", "token_type_ids", "attention_mask"]
    assert one.tokens()[0] == "[CLS]"
    assert one.tokens()[-1] == "[SEP]"
    batch = tokenizer(["Hello, world!", "a"])
    assert batch["input_ids"][0] == one["input_ids"]
    pair = tokenizer("a", "b")
    assert pair["token_type_ids"] == [0, 0, 0, 1, 1]
    assert tokenizer([("a", "b")])["input_ids"] == [pair["input_ids"]]
    assert tokenizer([])["input_ids"] == []


def test_truncation_and_overflow(tokenizer):
    text = "a b c d e f"
    assert len(tokenizer(text, truncation=True, max_length=5)["input_ids"]) == 5
    assert (
        tokenizer(text, max_length=5)["input_ids"]
        == tokenizer(text, truncation="longest_first", max_length=5)["input_ids"]
    )
    rows = tokenizer(
        [text, "a"], truncation=True, max_length=5, stride=1, return_overflowing_tokens=True
    )
    assert rows["overflow_to_sample_mapping"] == [0, 0, 0, 1]
    second = tokenizer("a b", text, truncation="only_second", max_length=7)
    assert second.sequence_ids().count(0) == 2
    # Without a limit of its own, truncation asks the model's.
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 8
    tokenizer.model_max_length = 4
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 4


def test_targets_become_labels(tokenizer):
    both = tokenizer("a b", text_target="c", max_target_length=3, truncation=True)
    assert both["labels"] == tokenizer("c")["input_ids"]
    assert tokenizer(text_target="c") == tokenizer("c")


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        ({"text": None}, "nothing to encode"),
        ({"text": 3}, "got int 3"),
        ({"text": ["a", None]}, "Input 1 holds NoneType"),
        ({"text": "\ud800"}, "lone surrogate at character 0"),
        ({"text": ["a"], "text_pair": "b"}, "text_pair is one str"),
        ({"text": ["a"], "text_pair": ["b", "c"]}, "text_pair is 2 texts"),
        ({"text": "a", "padding": "most"}, "padding='most' is not known"),
        ({"text": "a", "truncation": "some"}, "truncation='some' is not known"),
        ({"text": "a", "truncation": True, "max_length": 1}, "no room for the 2 special tokens"),
        ({"text": "a b c d", "max_length": 5, "stride": 3, "truncation": True}, "stride=3 must be"),
        ({"text": "a", "max_length": -1}, "max_length must be"),
        ({"text": "a", "padding_side": "top"}, "padding_side must be"),
        ({"text": "a", "padding": True, "pad_to_multiple_of": 0}, "pad_to_multiple_of must be"),
        (
            {
                "text": "a",
                "padding": True,
                "truncation": True,
                "max_length": 9,
                "pad_to_multiple_of": 8,
            },
            "is not a multiple of",
        ),
        ({"text": "a", "return_tensors": "tf"}, "return_tensors='tf' is not known"),
        ({"text": ["a", "b c"], "return_tensors": "pt"}, "Unable to create a tensor"),
    ],
    ids=str,
)
def test_bad_calls_say_what_is_wrong(tokenizer, arguments, phrase):
    if arguments.get("return_tensors") == "pt":
        pytest.importorskip("torch")
    with pytest.raises(TokenizationError, match=phrase):
        tokenizer(**arguments)


def test_unknown_keywords_are_refused_with_a_suggestion(tokenizer):
    with pytest.raises(TypeError, match="did you mean 'return_tensors'"):
        tokenizer("a", return_tensor="pt")


def test_panics_become_errors(tokenizer):
    # The library panics on this pair: the stride fits the call, and not the part of the first text.
    with pytest.raises(TokenizationError):
        tokenizer(
            "a b c d e f g h",
            "a b c d e f g h",
            truncation="longest_first",
            max_length=9,
            stride=5,
        )
    assert tokenizer("a")["input_ids"]


@pytest.fixture(scope="module")
def pipeline_tokenizer(pipeline):
    return PreTrainedTokenizer(tokenizer_object=Tokenizer.from_str(pipeline), pad_token="[PAD]")


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=40), min_size=1, max_size=4),
    length=st.integers(3, 20),
    side=st.sampled_from(["left", "right"]),
)
def test_rows_have_the_length_that_was_asked_for(pipeline_tokenizer, texts, length, side):
    tokenizer = pipeline_tokenizer
    rows = tokenizer(
        texts,
        padding="max_length",
        truncation=True,
        max_length=length,
        padding_side=side,
        return_offsets_mapping=True,
    )
    for row, text in enumerate(texts):
        ids, mask = rows["input_ids"][row], rows["attention_mask"][row]
        assert len(ids) == len(mask) == length
        assert sum(mask) == length - ids.count(0)
        for start, end in rows["offset_mapping"][row]:
            assert 0 <= start <= end <= len(text)
    again = tokenizer.pad(tokenizer(texts), padding="longest")
    assert again["input_ids"] == tokenizer(texts, padding=True)["input_ids"]
