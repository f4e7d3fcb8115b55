"""The files that a tokenizer is read from, new and old."""

from __future__ import annotations

import json

import pytest

from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    TokenizationError,
)
from automodel_core.text import PreTrainedTokenizer


@pytest.fixture
def folder(tmp_path, pipeline):
    (tmp_path / "tokenizer.json").write_text(pipeline, encoding="utf-8")
    return tmp_path


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


def test_settings_of_the_caller_win(folder):
    write(folder, "tokenizer_config.json", {"pad_token": "[MASK]", "model_max_length": 5})
    stored = PreTrainedTokenizer.from_pretrained(folder)
    assert (stored.pad_token, stored.model_max_length) == ("[MASK]", 5)
    given = PreTrainedTokenizer.from_pretrained(folder, pad_token="[PAD]", model_max_length=7)
    assert (given.pad_token, given.model_max_length) == ("[PAD]", 7)
    assert given.name_or_path == str(folder)


def test_token_objects_and_added_tokens_in_the_settings(folder):
    base = len(PreTrainedTokenizer.from_pretrained(folder))
    rules = {"content": "<new>", "lstrip": True, "normalized": False, "special": True}
    write(
        folder,
        "tokenizer_config.json",
        {
            "mask_token": {"__type": "AddedToken", "content": "[MASK]", "lstrip": True},
            "extra_special_tokens": {"image_token": "<image>"},
            "added_tokens_decoder": {str(base): rules},
            "trust_remote_code": True,
            "auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]},
        },
    )
    tokenizer = PreTrainedTokenizer.from_pretrained(folder)
    assert tokenizer.mask_token_id == 4
    assert tokenizer.convert_tokens_to_ids("<new>") == base
    assert tokenizer.image_token_id == base + 1
    assert "auto_map" not in tokenizer.init_kwargs


def test_added_tokens_with_other_ids_are_refused(folder):
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": {"9999": {"content": "<new>"}}})
    with pytest.raises(TokenizationError, match="gives '<new>' the id 9999"):
        PreTrainedTokenizer.from_pretrained(folder)


def test_the_older_files_count_without_added_tokens_in_the_settings(folder):
    base = len(PreTrainedTokenizer.from_pretrained(folder))
    write(
        folder,
        "special_tokens_map.json",
        {"pad_token": {"content": "[PAD]", "lstrip": False}, "additional_special_tokens": ["<x>"]},
    )
    write(folder, "added_tokens.json", {"<x>": base, "plain": base + 1})
    tokenizer = PreTrainedTokenizer.from_pretrained(folder)
    assert tokenizer.pad_token == "[PAD]"
    assert tokenizer.additional_special_tokens_ids == [base]
    decoder = tokenizer.added_tokens_decoder
    assert decoder[base].special
    assert not decoder[base + 1].special


def test_stored_padding_and_truncation_are_defaults_only(folder):
    state = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    state["truncation"] = {
        "direction": "Left",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    state["padding"] = {
        "strategy": {"Fixed": 12},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    write(folder, "tokenizer.json", state)
    tokenizer = PreTrainedTokenizer.from_pretrained(folder)
    assert (tokenizer.padding_side, tokenizer.truncation_side) == ("left", "left")
    assert tokenizer.pad_token == "[PAD]"
    assert len(tokenizer("a b c d e")["input_ids"]) == 7


def test_chat_templates_in_files(folder):
    (folder / "chat_template.jinja").write_text("plain", encoding="utf-8")
    assert PreTrainedTokenizer.from_pretrained(folder).chat_template == "plain"
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("tools", encoding="utf-8")
    both = PreTrainedTokenizer.from_pretrained(folder)
    assert both.chat_template == {"default": "plain", "tool_use": "tools"}
    both.save_pretrained(folder / "new")
    assert PreTrainedTokenizer.from_pretrained(folder / "new").chat_template == both.chat_template


def test_a_single_file_is_enough(folder):
    assert PreTrainedTokenizer.from_pretrained(folder / "tokenizer.json")("a")["input_ids"]


def test_missing_and_damaged_files(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CheckpointNotFoundError, match=r"needs tokenizer\.json; it holds no files"):
        PreTrainedTokenizer.from_pretrained(empty)
    with pytest.raises(TokenizationError, match="needs a tokenizer_object or a tokenizer_file"):
        PreTrainedTokenizer()
    with pytest.raises(CheckpointNotFoundError, match="no tokenizer file"):
        PreTrainedTokenizer(tokenizer_file=folder / "none.json")
    for content in (b"{", b"[]", b"{}", b'{"model": 3}', b"\xff", (b"[" * 9999)):
        (folder / "tokenizer.json").write_bytes(content)
        with pytest.raises((TokenizationError, CheckpointFormatError), match=r"tokenizer\.json"):
            PreTrainedTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"added_tokens_decoder": {"1": 3}},
        {"additional_special_tokens": "x"},
        {"additional_special_tokens": [3]},
        {"pad_token": {"lstrip": True}},
        {"model_max_length": "many"},
        {"padding_side": "top"},
        {"chat_template": 3},
        {"chat_template": [{"name": "x"}]},
        {"added_tokens_decoder": {"x": {"content": "y"}}},
        {"added_tokens_decoder": [1]},
        {"model_input_names": 3},
        {"pad_token": 3},
    ],
    ids=str,
)
def test_lying_settings_are_refused(folder, settings):
    write(folder, "tokenizer_config.json", settings)
    with pytest.raises((TokenizationError, CheckpointFormatError)):
        PreTrainedTokenizer.from_pretrained(folder)
