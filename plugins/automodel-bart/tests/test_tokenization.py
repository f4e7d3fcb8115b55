"""BART's tokenizer: special tokens, the mask, offsets, files."""

from __future__ import annotations

import json

import pytest
from tokenizers import ByteLevelBPETokenizer

from automodel_bart.tokenization import BartTokenizer, BartTokenizerFast
from automodel_core import AutoTokenizer
from automodel_core.text import PreTrainedTokenizer

LINES = ["The cat sat on the mat.", "A dog, too: the log!", "Größe 東京"] * 20
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bart")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, 320, special_tokens=SPECIAL, show_progress=False)
    trained.save_model(str(folder))
    (folder / "config.json").write_text(json.dumps({"model_type": "bart"}))
    return folder


def test_texts_and_pairs(folder) -> None:
    tokenizer = BartTokenizer.from_pretrained(folder)
    one = tokenizer("The cat")
    assert set(one) == {"input_ids", "attention_mask"}
    assert one.tokens()[0] == "<s>"
    assert one.tokens()[-1] == "</s>"
    two = tokenizer("The cat", "sat on", return_token_type_ids=True)
    first = len(one["input_ids"])
    assert two["input_ids"][:first] == one["input_ids"]
    assert two.tokens()[first - 1 : first + 1] == ["</s>", "</s>"]
    assert set(two["token_type_ids"]) == {0}
    assert tokenizer.decode(one["input_ids"], skip_special_tokens=True) == "The cat"
    assert tokenizer.num_special_tokens_to_add(pair=True) == 4


def test_the_special_tokens_have_their_usual_ids(folder) -> None:
    tokenizer = BartTokenizer.from_pretrained(folder)
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL] == [0, 1, 2, 3, 4]
    assert (tokenizer.bos_token_id, tokenizer.cls_token_id) == (0, 0)
    assert (tokenizer.eos_token_id, tokenizer.sep_token_id) == (2, 2)
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id) == (1, 4)


def test_a_mask_swallows_the_space_before_it(folder) -> None:
    tokenizer = BartTokenizer.from_pretrained(folder)
    spaced, joined = (tokenizer.encode(f"the{gap}<mask>.") for gap in (" ", ""))
    assert spaced == joined
    assert tokenizer.mask_token_id in spaced


@pytest.mark.parametrize("trim", [True, False])
def test_offsets_leave_out_the_space_if_they_are_trimmed(folder, trim: bool) -> None:
    tokenizer = BartTokenizer.from_pretrained(folder, trim_offsets=trim)
    offsets = tokenizer("The cat", return_offsets_mapping=True)["offset_mapping"]
    assert (3, 7) in offsets or trim
    assert all("The cat"[start:end].strip() == "The cat"[start:end] for start, end in offsets) or (
        not trim
    )


def test_words_need_a_prefix_space(folder) -> None:
    pytest.importorskip("numpy", reason="the tokenizers package takes words by NumPy")
    tokenizer = BartTokenizer.from_pretrained(folder, add_prefix_space=True)
    words = tokenizer(["The", "cat"], is_split_into_words=True)
    assert words["input_ids"] == tokenizer("The cat")["input_ids"]


@pytest.mark.parametrize("named", ["BartTokenizer", "BartTokenizerFast", "RobertaTokenizer", None])
def test_files_under_every_name(folder, tmp_path, named: str | None) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is BartTokenizer is BartTokenizerFast
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "BartTokenizer"
    settings["tokenizer_class"] = named
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bart"}))
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert type(again) is BartTokenizer
    assert again.model_max_length == 64
    for line in (*LINES[:3], "the <mask>."):
        assert again(line, line).data == tokenizer(line, line).data
    generic = PreTrainedTokenizer.from_pretrained(tmp_path)
    assert generic("The cat", "sat")["input_ids"] == tokenizer("The cat", "sat")["input_ids"]


def test_other_special_tokens_are_added_to_texts(folder) -> None:
    tokenizer = BartTokenizer.from_pretrained(folder, cls_token="<pad>", sep_token="<unk>")
    assert tokenizer("The").tokens()[0] == "<pad>"
    assert tokenizer("The").tokens()[-1] == "<unk>"


def test_without_files_there_are_the_special_tokens() -> None:
    assert len(BartTokenizer()) == 5
