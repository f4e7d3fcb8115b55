"""The files that a tokenizer writes, and its uploads."""

from __future__ import annotations

import json

import pytest
from tokenizers import AddedToken

from automodel_core.errors import (
    CheckpointFormatError,
)
from automodel_core.text import PreTrainedTokenizer


def test_a_saved_tokenizer_comes_back_the_same(tokenizer, nasty, tmp_path):
    tokenizer.add_tokens([AddedToken("addedword", lstrip=True, normalized=False)])
    tokenizer.add_special_tokens({"bos_token": "<s>", "additional_special_tokens": ["<x>", "<y>"]})
    tokenizer.model_max_length = 33
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    tokenizer.chat_template = "{{ messages[0].content }}"
    tokenizer("a", truncation=True, max_length=4, padding="max_length")
    paths = tokenizer.save_pretrained(tmp_path / "new")
    assert {path.rpartition("/")[2] for path in paths} == {
        "chat_template.jinja",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    again = PreTrainedTokenizer.from_pretrained(tmp_path / "new")
    texts = [*nasty, "an addedword<s><x>"]
    assert again(texts) == tokenizer(texts)
    assert again.special_tokens_map_extended.keys() == tokenizer.special_tokens_map_extended.keys()
    assert again.additional_special_tokens == ["<x>", "<y>"]
    assert (again.model_max_length, again.padding_side, again.truncation_side) == (
        33,
        "left",
        "left",
    )
    assert again.chat_template == tokenizer.chat_template
    assert repr(again).startswith("PreTrainedTokenizer(name_or_path=")
    assert json.loads((tmp_path / "new" / "tokenizer.json").read_text())["truncation"] is None


def test_files_written_under_a_prefix(tokenizer, tmp_path):
    paths = tokenizer.save_pretrained(tmp_path, filename_prefix="mine")
    assert all((tmp_path / path).name.startswith("mine-") for path in paths)
    with pytest.raises(CheckpointFormatError):
        tokenizer.save_pretrained(tmp_path, filename_prefix="../mine")


def test_saving_into_a_file_is_refused(tokenizer, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="a folder is needed"):
        tokenizer.save_pretrained(tmp_path / "file")


def test_a_tokenizer_goes_to_the_hub_without_the_files_beside_it(tokenizer, tmp_path, hub):
    (tmp_path / "model.safetensors").write_bytes(b"large")
    tokenizer.save_pretrained(tmp_path, push_to_hub=True, repo_id="someone/kept", token="hf_x")
    address = tokenizer.push_to_hub("someone/pushed", token="hf_x", commit_message="Only words")
    assert "someone/pushed" in address
    for name, summary in (("someone/kept", "Upload tokenizer"), ("someone/pushed", "Only words")):
        assert PreTrainedTokenizer.from_pretrained(name).get_vocab() == tokenizer.get_vocab()
        repository = hub.repositories[name]
        assert [push["summary"] for push in repository.pushes] == [summary]
        assert not any("model.safetensors" in files for files in repository.commits.values())
