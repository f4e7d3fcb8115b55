"""ProphetNet's tokenizer from its vocabulary file, its settings, and back."""

from __future__ import annotations

import json

import pytest

from automodel_core import AutoTokenizer
from automodel_core.errors import CheckpointNotFoundError
from automodel_prophetnet.tokenization import ProphetNetTokenizer

WORDS = [
    *("[PAD]", "[X_SEP]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("the", "dog", "run", "##s", "caf", "##e", "##é", "The", "東", "!", ".", "[", "]", "dog!"),
]


@pytest.fixture
def folder(tmp_path):
    text = "\n".join(WORDS) + "\n"
    (tmp_path / "prophetnet.tokenizer").write_text(text, encoding="utf-8")
    return tmp_path


def test_one_separator_behind_each_text(folder):
    tokenizer = ProphetNetTokenizer.from_pretrained(folder)
    encoded = tokenizer("The dog runs!", "café", return_offsets_mapping=True)
    assert encoded.tokens() == ["the", "dog", "run", "##s", "!", "[SEP]", "caf", "##e", "[SEP]"]
    assert list(encoded) == ["input_ids", "attention_mask", "offset_mapping"]
    first = [(0, 3), (4, 7), (8, 11), (11, 12), (12, 13)]
    assert encoded["offset_mapping"] == [*first, (0, 0), (0, 3), (3, 4), (0, 0)]
    types = tokenizer("the", "dog", return_token_type_ids=True)["token_type_ids"]
    assert types == [0, 0, 1, 1]
    assert tokenizer.is_fast
    assert tokenizer.cls_token is None


def test_sentences_of_a_summary(folder):
    tokenizer = ProphetNetTokenizer.from_pretrained(folder)
    assert (tokenizer.x_sep_token, tokenizer.x_sep_token_id) == ("[X_SEP]", 1)
    ids = tokenizer("The dog. [X_SEP] dogs run!")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids)[3] == "[X_SEP]"
    assert tokenizer.decode(ids) == "the dog. [X_SEP] dogs run! [SEP]"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the dog. dogs run!"
    untidy = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    assert untidy == "the dog . [X_SEP] dogs run ! [SEP]"


@pytest.mark.parametrize(
    ("options", "text", "tokens"),
    [
        ({"do_lower_case": False}, "The", ["The"]),
        ({"do_lower_case": False}, "cafe\u0301", ["caf", "##é"]),
        ({"strip_accents": False}, "CAFE\u0301", ["caf", "##é"]),
        ({}, "CAFE\u0301", ["caf", "##e"]),
        ({}, "東dog", ["東", "dog"]),
        ({"tokenize_chinese_chars": False}, "東dog", ["[UNK]"]),
        ({"never_split": ["dog!"]}, "the dog!", ["the", "dog!"]),
        ({"do_basic_tokenize": False}, "The dog! the dog[", ["The", "dog!", "the", "[UNK]"]),
        ({}, "the[MASK]dog", ["the", "[MASK]", "dog"]),
    ],
    ids=str,
)
def test_settings(folder, options, text, tokens):
    tokenizer = ProphetNetTokenizer.from_pretrained(folder, **options)
    assert tokenizer.tokenize(text) == tokens
    tokenizer.save_pretrained(folder / "saved")
    assert ProphetNetTokenizer.from_pretrained(folder / "saved").tokenize(text) == tokens


def test_saved_files(folder):
    tokenizer = ProphetNetTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder / "saved")
    written = (folder / "saved" / "prophetnet.tokenizer").read_text(encoding="utf-8")
    assert written.split("\n") == [*WORDS, ""]
    settings = json.loads((folder / "saved" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "ProphetNetTokenizer"
    assert settings["clean_up_tokenization_spaces"] is True
    assert type(AutoTokenizer.from_pretrained(folder / "saved")) is ProphetNetTokenizer
    (folder / "saved" / "tokenizer.json").unlink()
    again = ProphetNetTokenizer.from_pretrained(folder / "saved")
    assert again("The dog runs!") == tokenizer("The dog runs!")


def test_the_model_type_alone_is_enough(folder):
    (folder / "config.json").write_text('{"model_type": "prophetnet"}', encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is ProphetNetTokenizer
    assert tokenizer.tokenize("dogs") == ["dog", "##s"]


def test_without_a_vocabulary(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"needs prophetnet\.tokenizer or"):
        ProphetNetTokenizer.from_pretrained(tmp_path)
    assert ProphetNetTokenizer().get_vocab() == {
        "[PAD]": 0, "[UNK]": 1, "[SEP]": 2, "[X_SEP]": 3, "[MASK]": 4,
    }  # fmt: skip
