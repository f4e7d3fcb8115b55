"""Marian's tokenizer: two sides, one vocabulary or two, language codes, files."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from automodel_core.errors import CheckpointNotFoundError, TokenizationError
from automodel_marian import MarianTokenizer


def test_sources_and_targets_are_cut_by_their_own_models(folder):
    tokenizer = MarianTokenizer.from_pretrained(folder)
    encoded = tokenizer("the house", text_target="das Haus", return_offsets_mapping=True)
    assert encoded.tokens() == ["▁the", "▁house", "</s>"]
    assert encoded["offset_mapping"] == [(0, 3), (3, 9), (0, 0)]
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    assert encoded["input_ids"] == [vocabulary["▁the"], vocabulary["▁house"], 0]
    assert encoded["labels"] == [vocabulary["▁das"], vocabulary["▁Haus"], 0]
    assert list(encoded) == ["input_ids", "attention_mask", "offset_mapping", "labels"]
    assert tokenizer("das").tokens() == ["▁", "d", "a", "s", "</s>"]
    with tokenizer.as_target_tokenizer():
        assert tokenizer("das").tokens() == ["▁das", "</s>"]


def test_the_code_of_a_language_is_one_token(folder):
    tokenizer = MarianTokenizer.from_pretrained(folder)
    assert tokenizer.supported_language_codes == [">>de<<", ">>sv<<"]
    assert tokenizer(">>de<< the").tokens() == [">>de<<", "▁the", "</s>"]
    assert tokenizer(">>de<<the")["input_ids"] == tokenizer(">>de<< the")["input_ids"]
    assert tokenizer(">>xx<< the")["input_ids"][0] == tokenizer.unk_token_id
    assert ">>de<<" not in tokenizer("the >>de<<").tokens()
    ids = tokenizer(">>sv<< the house")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == ">>sv<< the house"


def test_pieces_without_a_number_are_unknown(folder):
    tokenizer = MarianTokenizer.from_pretrained(folder)
    encoded = tokenizer("the. house")
    assert encoded.tokens() == ["▁the", ".", "▁house", "</s>"]
    assert encoded["input_ids"][1] == tokenizer.unk_token_id == 1


def test_special_tokens_are_set_off_in_texts(folder):
    tokenizer = MarianTokenizer.from_pretrained(folder)
    ids = tokenizer(["the.s</s>house", "a"], padding=True)["input_ids"]
    assert tokenizer.batch_decode(ids) == [
        "the<unk> s</s> house</s>",
        "a</s> <pad> <pad> <pad>",
    ]
    assert tokenizer.batch_decode(ids, skip_special_tokens=True) == ["thes house", "a"]
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    assert tokenizer.decode(tokenizer("the<x>house")["input_ids"]) == "the<x> house</s>"


def test_an_added_token_leaves_no_piece_of_the_space_before_it(folder):
    tokenizer = MarianTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["newword"])
    encoded = tokenizer("the newword  house", return_offsets_mapping=True)
    assert encoded.tokens() == ["▁the", "newword", "▁house", "</s>"]
    assert encoded["offset_mapping"][1] == (4, 11)
    assert tokenizer("newword").tokens() == ["newword", "</s>"]


def test_separate_vocabularies(separate):
    tokenizer = MarianTokenizer.from_pretrained(separate)
    assert tokenizer.separate_vocabs
    assert tokenizer.supported_language_codes == []
    ids = tokenizer("the house", text_target="das Haus")
    assert ids["input_ids"] == ids["labels"] == [2, 3, 0]
    assert tokenizer.decode([2, 3, 0], skip_special_tokens=True) == "das Haus"
    source = tokenizer.decode([2, 3, 0], skip_special_tokens=True, use_source_tokenizer=True)
    assert source == "the house"
    assert tokenizer.get_vocab() == tokenizer.get_src_vocab() != tokenizer.get_tgt_vocab()
    assert tokenizer.get_tgt_vocab()["▁das"] == 2
    assert tokenizer.vocab_size == len(tokenizer) == 17


@pytest.mark.parametrize("kind", ["folder", "separate"])
def test_saved_files_come_back_the_same(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    tokenizer = MarianTokenizer.from_pretrained(folder, model_max_length=99)
    tokenizer.add_tokens(["newword"])
    saved = folder / "saved"
    names = {path.rsplit("/", 1)[-1] for path in tokenizer.save_pretrained(saved)}
    assert ("target_vocab.json" in names) == (kind == "separate")
    assert {"vocab.json", "source.spm", "target.spm"} < names
    for name in ("source.spm", "target.spm"):
        assert (saved / name).read_bytes() == (folder / name).read_bytes()
    assert json.loads((saved / "vocab.json").read_text(encoding="utf-8")) == json.loads(
        (folder / "vocab.json").read_text(encoding="utf-8")
    )
    settings = json.loads((saved / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "MarianTokenizer"
    again = MarianTokenizer.from_pretrained(saved)
    assert again.model_max_length == 99
    texts = ["the newword house", ">>de<< a", ""]
    assert again(texts, text_target=texts) == tokenizer(texts, text_target=texts)
    for twin in (copy.deepcopy(again), pickle.loads(pickle.dumps(again))):
        assert twin(texts, text_target=texts) == tokenizer(texts, text_target=texts)
        assert twin.source_lang == tokenizer.source_lang


def test_it_is_made_of_files(folder):
    files = {"source_spm": folder / "source.spm", "target_spm": folder / "target.spm"}
    tokenizer = MarianTokenizer(**files, vocab=folder / "vocab.json", source_lang="en")
    assert tokenizer("the house") == MarianTokenizer.from_pretrained(folder)("the house")
    assert tokenizer.model_max_length == 512
    with pytest.raises(CheckpointNotFoundError, match=r"needs vocab=, the file vocab\.json"):
        MarianTokenizer(**files)
    with pytest.raises(CheckpointNotFoundError, match=r"target_vocab\.json"):
        MarianTokenizer(**files, vocab=folder / "vocab.json", separate_vocabs=True)
    (folder / "target.spm").unlink()
    with pytest.raises(CheckpointNotFoundError, match=r"target\.spm"):
        MarianTokenizer.from_pretrained(folder)


def test_a_damaged_file_is_named(folder):
    (folder / "source.spm").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(TokenizationError, match=r"source\.spm' is not a valid SentencePiece"):
        MarianTokenizer.from_pretrained(folder)
    (folder / "vocab.json").write_text('{"</s>": 0, "<pad>": 1}', encoding="utf-8")
    with pytest.raises(TokenizationError, match="no '<unk>'"):
        MarianTokenizer.from_pretrained(folder)
