"""GPT-2's tokenizer: bytes and merges, nothing around texts, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import ByteLevelBPETokenizer

from automodel_core import AutoTokenizer
from automodel_core.errors import TokenizationError
from automodel_gpt2.tokenization import GPT2Tokenizer, GPT2TokenizerFast

LINES = ["The cat sat on the mat.", "A dog, too: the log!", "Größe 東京"] * 20
END = "<|endoftext|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, 320, special_tokens=[END], show_progress=False)
    trained.save_model(str(folder))
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    return folder


def test_texts_get_no_special_tokens(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is GPT2Tokenizer is GPT2TokenizerFast
    one = tokenizer("The cat")
    assert one.tokens() == ["The", "Ġcat"]
    assert list(one) == ["input_ids", "attention_mask"]
    pair = tokenizer("The cat", " sat", return_token_type_ids=True)
    assert pair.tokens() == ["The", "Ġcat", "Ġsat"]
    assert pair["token_type_ids"] == [0, 0, 1]
    assert tokenizer.decode(pair["input_ids"]) == "The cat sat"
    assert tokenizer.num_special_tokens_to_add(pair=True) == 0


def test_any_text_comes_back(folder: Path) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(folder)
    for text in ("  two  spaces\n", "🦙 \x00 ﬁ", "Größe 東京", "don't"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_end_of_a_text_is_one_token(folder: Path) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(folder)
    assert tokenizer(f"The{END}The")["input_ids"][1] == tokenizer.eos_token_id == 0
    assert tokenizer.bos_token == tokenizer.unk_token == END
    assert tokenizer.decode([0, 0], skip_special_tokens=True) == ""


def test_batches_need_a_padding_token_to_be_set(folder: Path) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(folder, padding_side="left")
    assert tokenizer.pad_token is None
    with pytest.raises(TokenizationError, match="pad_token"):
        tokenizer(["The", "The cat"], padding=True)
    tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer(["The", "The cat"], padding=True)["attention_mask"] == [[0, 1], [1, 1]]


def test_texts_may_begin_with_a_token(folder: Path) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(folder, add_bos_token=True)
    assert tokenizer("The cat").tokens() == [END, "The", "Ġcat"]
    assert tokenizer("The", "cat")["input_ids"].count(0) == 2


def test_saved_files_come_back_the_same(folder: Path, tmp_path: Path) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(folder, add_prefix_space=True, model_max_length=64)
    tokenizer.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "GPT2Tokenizer"
    assert settings["add_prefix_space"] is True
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(LINES) == tokenizer(LINES)
    assert again.model_max_length == 64
    (tmp_path / "tokenizer.json").unlink()
    assert GPT2Tokenizer.from_pretrained(tmp_path)(LINES) == tokenizer(LINES)
