"""The tokenizers of M2M100 and NLLB: ids, languages, and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_core.errors import CheckpointNotFoundError, TokenizationError
from automodel_m2m100 import (
    M2M100Tokenizer,
    M2M100TokenizerFast,
    NllbTokenizer,
    NllbTokenizerFast,
)

SIZE = 17
EOS, UNK = 2, 3
THE, HOUSE = 16, 15


def test_pieces_have_the_ids_of_the_vocabulary(folder: Path) -> None:
    tokenizer = M2M100Tokenizer.from_pretrained(folder)
    english = SIZE + 18
    encoded = tokenizer("the house Ω", return_offsets_mapping=True)
    assert encoded["input_ids"] == [english, THE, HOUSE, 14, UNK, EOS]
    assert encoded["offset_mapping"] == [(0, 0), (0, 3), (3, 9), (9, 10), (10, 11), (0, 0)]
    assert encoded.tokens() == ["__en__", "▁the", "▁house", "▁", "Ω", "</s>"]
    assert tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == "the house"
    assert (tokenizer.vocab_size, len(tokenizer)) == (SIZE, SIZE + 100)


def test_languages_follow_the_vocabulary(folder: Path) -> None:
    tokenizer = M2M100Tokenizer.from_pretrained(folder, src_lang="fr", tgt_lang="zu")
    assert tokenizer.get_lang_token("af") == "__af__"
    assert (tokenizer.get_lang_id("af"), tokenizer.get_lang_id("zu")) == (SIZE, SIZE + 99)
    both = tokenizer("the", text_target="house")
    assert both["input_ids"] == [tokenizer.get_lang_id("fr"), THE, EOS]
    assert both["labels"] == [SIZE + 99, HOUSE, EOS]
    assert tokenizer.cur_lang_id == tokenizer.get_lang_id("fr")
    assert tokenizer.lang_code_to_token["zu"] == "__zu__"
    assert tokenizer.lang_token_to_id["__zu__"] == tokenizer.lang_code_to_id["zu"] == SIZE + 99
    assert tokenizer.id_to_lang_token[SIZE] == "__af__"
    assert tokenizer.additional_special_tokens[-1] == "__zu__"
    for wrong in ("__fr__", "xx"):
        with pytest.raises(TokenizationError, match="is not a language of this M2M100Tokenizer"):
            tokenizer.get_lang_id(wrong)


def test_the_shorter_list_of_languages(folder: Path) -> None:
    tokenizer = M2M100Tokenizer.from_pretrained(folder, language_codes="wmt21")
    assert list(tokenizer.lang_code_to_id) == ["en", "ha", "is", "ja", "cs", "ru", "zh", "de"]
    assert tokenizer.get_lang_id("en") == SIZE
    with pytest.raises(TokenizationError, match=r"language_codes='x' .*'m2m100' or 'wmt21'"):
        M2M100Tokenizer.from_pretrained(folder, language_codes="x")


def test_made_up_words_are_unknown(folder: Path) -> None:
    tokenizer = M2M100Tokenizer.from_pretrained(folder)
    assert tokenizer.num_madeup_words == 8
    assert tokenizer.convert_ids_to_tokens([SIZE + 107, SIZE + 99]) == ["<unk>", "__zu__"]


def test_files_of_m2m100(folder: Path) -> None:
    tokenizer = M2M100TokenizerFast.from_pretrained(folder, tgt_lang="fr", model_max_length=9)
    tokenizer.add_tokens(["newword"])
    tokenizer.src_lang = "de"
    saved = folder / "saved"
    tokenizer.save_pretrained(saved)
    settings = json.loads((saved / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "M2M100Tokenizer"
    assert (settings["src_lang"], settings["language_codes"]) == ("de", "m2m100")
    for name in ("sentencepiece.bpe.model", "vocab.json"):
        (folder / name).unlink()
    tokenizer.save_pretrained(saved)  # needs none of the files that it was made from
    again = M2M100Tokenizer.from_pretrained(saved)
    text = {"text": "the newword__de__", "text_target": "house"}
    assert again(**text) == tokenizer(**text)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert (again.model_max_length, again.tgt_lang) == (9, "fr")
    (saved / "vocab.json").unlink()
    with pytest.raises(CheckpointNotFoundError, match=r"needs vocab\.json"):
        M2M100Tokenizer.from_pretrained(saved)


def test_nllb_adds_its_languages_and_then_the_mask(folder: Path) -> None:
    tokenizer = NllbTokenizer.from_pretrained(folder, src_lang="deu_Latn", tgt_lang="zul_Latn")
    ids = tokenizer.convert_tokens_to_ids(["<pad>", "▁the", "ace_Arab", "zul_Latn", "<mask>"])
    assert ids == [1, 4, SIZE, SIZE + 201, SIZE + 202]
    assert (tokenizer.vocab_size, len(tokenizer)) == (SIZE, SIZE + 203)
    german = tokenizer.lang_code_to_id["deu_Latn"]
    both = tokenizer("the", text_target="house")
    assert (both["input_ids"], both["labels"]) == ([german, 4, EOS], [SIZE + 201, 5, EOS])
    legacy = NllbTokenizer.from_pretrained(folder, src_lang="deu_Latn", legacy_behaviour=True)
    assert legacy("the")["input_ids"] == [4, EOS, german]


def test_nllb_with_languages_of_its_own(folder: Path) -> None:
    codes = ["eng_Latn", "new_Latn"]
    tokenizer = NllbTokenizer.from_pretrained(folder, additional_special_tokens=codes)
    assert tokenizer.convert_tokens_to_ids([*codes, "<mask>"]) == [SIZE, SIZE + 1, SIZE + 2]
    assert tokenizer.lang_code_to_id == {"eng_Latn": SIZE}
    tokenizer.src_lang = "new_Latn"
    assert tokenizer("the")["input_ids"] == [SIZE + 1, 4, EOS]
    with pytest.raises(TokenizationError, match=r"'deu_Latn' is not a language .* replaced the"):
        tokenizer.src_lang = "deu_Latn"
    with pytest.raises(TokenizationError, match=r"'xxx' is not a language .* known are"):
        tokenizer.src_lang = "xxx"


def test_files_of_nllb(folder: Path) -> None:
    tokenizer = NllbTokenizerFast.from_pretrained(folder, legacy_behaviour=True)
    tokenizer.src_lang = "fra_Latn"
    saved = folder / "saved"
    tokenizer.save_pretrained(saved)
    for alone in (False, True):
        if alone:
            (saved / "sentencepiece.bpe.model").unlink()
        again = NllbTokenizer.from_pretrained(saved)
        assert again("the <mask>house") == tokenizer("the <mask>house")
        assert (again.legacy_behaviour, again.src_lang) == (True, "fra_Latn")
        assert again.get_vocab() == tokenizer.get_vocab()
