"""Blenderbot-small's tokenizer: words in lower case, pieces joined by ``@@``, files, offsets."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from automodel_blenderbot import BlenderbotSmallTokenizer, BlenderbotSmallTokenizerFast
from automodel_core import AutoTokenizer
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, TokenizationError

LINES = ["hello hello yellow fellows", "how low is hell , you ask ? __newln__", "it ' s .me"] * 9
SPECIAL = ["__null__", "__start__", "__end__", "__unk__"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with merges that the library learnt, and the vocabulary they make."""
    folder = tmp_path_factory.mktemp("blenderbot_small")
    rust = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=80, end_of_word_suffix="</w>", show_progress=False)
    rust.train_from_iterator(LINES, trainer)
    pieces = rust.get_vocab()
    names = [p.removesuffix("</w>") if p.endswith("</w>") else f"{p}@@" for p in sorted(pieces)]
    vocabulary = {token: index for index, token in enumerate(SPECIAL + names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = json.loads(rust.to_str())["model"]["merges"]
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "blenderbot-small"}))
    return folder


@pytest.fixture
def tokenizer(folder: Path) -> BlenderbotSmallTokenizer:
    return BlenderbotSmallTokenizer.from_pretrained(folder)


def test_words_are_cut_and_joined_again(folder: Path, tokenizer: BlenderbotSmallTokenizer) -> None:
    assert type(AutoTokenizer.from_pretrained(folder)) is BlenderbotSmallTokenizer
    assert BlenderbotSmallTokenizerFast is BlenderbotSmallTokenizer
    text = "hello how low fellows hell"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    pieces = tokenizer.tokenize("fell")
    assert all(piece.endswith("@@") for piece in pieces[:-1])
    assert not pieces[-1].endswith("@@")
    assert "".join(piece.removesuffix("@@") for piece in pieces) == "fell"
    assert tokenizer.convert_tokens_to_ids(pieces) == tokenizer("fell")["input_ids"]
    assert list(tokenizer("hello")) == ["input_ids", "attention_mask"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("HELLO", "hello"),
        ("hello, you?", "hello , you ?"),
        ("it's", "it ' s"),
        ("is.me", "is .me"),
        ("how  \t low", "how low"),
        ("hello\nyou", "hello __newln__ you"),
        ("hello \n you", "hello you"),
        ("ask?\n\nyou", "ask ? __newln__ you"),
        ("hello'\nyou", "hello ' you"),
        ("\nhello", "hello"),
    ],
)
def test_texts_that_are_read_alike(
    tokenizer: BlenderbotSmallTokenizer, text: str, same: str
) -> None:
    assert tokenizer(text)["input_ids"] == tokenizer(same)["input_ids"]
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == same


@pytest.mark.parametrize("word", "ΔΟΣ ΣΣ Σ 日Σ 1Σ ΔΣ1 ΆΣ ΔΣ:Δ ΔΣ·Δ Δ·Σ ʰΣ ΔΣ\u0301 ΔΣʰΔ".split())
def test_sigma_is_lowered_as_python_does(tokenizer: BlenderbotSmallTokenizer, word: str) -> None:
    tokens = tokenizer(f"hello {word}").tokens()
    read = "".join(token.removesuffix("@@") for token in tokens[tokens.index("hello") + 1 :])
    assert read == word.lower()


def test_unknown_characters_are_one_token_each(tokenizer: BlenderbotSmallTokenizer) -> None:
    encoded = tokenizer("h☃☃ ☃")
    unknown = tokenizer.unk_token_id
    assert encoded["input_ids"][1:] == [unknown] * 3
    assert encoded.tokens() == ["h@@", "☃@@", "☃", "☃"]
    assert tokenizer.convert_ids_to_tokens(9999) == "__unk__"


def test_offsets_point_at_the_text(tokenizer: BlenderbotSmallTokenizer) -> None:
    text = "Fellows, it's\nHELLO ☃"
    encoded = tokenizer(text, return_offsets_mapping=True)
    for token, (start, end) in zip(encoded.tokens(), encoded["offset_mapping"], strict=True):
        shown = token.removesuffix("@@")
        assert text[start:end] == "\n" or text[start:end].lower() == shown
    assert encoded.char_to_token(0) == 0
    assert encoded.word_ids()[0] == 0


def test_texts_get_no_special_tokens(tokenizer: BlenderbotSmallTokenizer) -> None:
    pair = tokenizer("hello", "you", return_token_type_ids=True)
    assert pair["input_ids"] == tokenizer("hello you")["input_ids"]
    assert set(pair["token_type_ids"]) == {0, 1}
    batch = tokenizer(["hello you", "you"], padding=True)
    assert batch["input_ids"][1][-1] == tokenizer.pad_token_id == 0
    framed = f"__start__hello{tokenizer.eos_token}"
    assert tokenizer(framed)["input_ids"][0] == 1
    assert tokenizer(framed)["input_ids"][-1] == 2
    ids = tokenizer(framed)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "hello"
    bounded = BlenderbotSmallTokenizer(**_files(tokenizer), add_bos_token=True)
    assert bounded("you")["input_ids"] == [1, *tokenizer("you")["input_ids"]]


def _files(tokenizer: BlenderbotSmallTokenizer) -> dict[str, Path]:
    folder = Path(tokenizer.name_or_path)
    return {"vocab_file": folder / "vocab.json", "merges_file": folder / "merges.txt"}


def test_added_tokens_are_kept_whole_and_apart(tokenizer: BlenderbotSmallTokenizer) -> None:
    size = tokenizer.vocab_size
    assert "fell@@" in tokenizer.tokenize("fellow")
    assert tokenizer.add_tokens(["NewWord", "fell"]) == 2
    assert tokenizer("youNewWord")["input_ids"][-1] == size
    assert tokenizer("you fell")["input_ids"][-1] == size + 1
    assert size not in tokenizer("newword")["input_ids"]
    assert len(tokenizer) == size + 2
    joined = [tokenizer.convert_tokens_to_ids("h@@"), size]
    assert tokenizer.decode(joined) == "h@@ NewWord"


def test_long_texts_are_cut_into_parts(tokenizer: BlenderbotSmallTokenizer) -> None:
    text = "hello you ask how low it is"
    whole = tokenizer(text)["input_ids"]
    parts = tokenizer(text, truncation=True, max_length=3, return_overflowing_tokens=True)
    assert [index for row in parts["input_ids"] for index in row] == whole


def test_saved_files_come_back_the_same(
    tokenizer: BlenderbotSmallTokenizer, tmp_path: Path
) -> None:
    tokenizer.add_tokens(["NewWord"])
    paths = tokenizer.save_pretrained(tmp_path)
    assert {Path(path).name for path in paths} == {
        *("vocab.json", "merges.txt"),
        *("tokenizer_config.json", "special_tokens_map.json"),
    }
    texts = [*LINES, "a NewWord ☃\n"]
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(texts) == tokenizer(texts)
    assert pickle.loads(pickle.dumps(tokenizer))(texts) == tokenizer(texts)
    assert copy.deepcopy(tokenizer)(texts) == tokenizer(texts)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "BlenderbotSmallTokenizer"


def test_missing_and_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    vocab, merges = folder / "vocab.json", tmp_path / "merges.txt"
    with pytest.raises(CheckpointNotFoundError, match=r"vocab\.json and merges\.txt"):
        BlenderbotSmallTokenizer(vocab)
    with pytest.raises(CheckpointNotFoundError, match=r"merges\.txt"):
        BlenderbotSmallTokenizer(vocab, merges)
    merges.write_text("#version: 0.2\na b c\n", encoding="utf-8")
    with pytest.raises(CheckpointFormatError, match="line 2: a merge is two pieces"):
        BlenderbotSmallTokenizer(vocab, merges)
    merges.write_bytes(b"#version\n\xff \xfe\n")
    with pytest.raises(CheckpointFormatError, match="not UTF-8"):
        BlenderbotSmallTokenizer(vocab, merges)


def test_it_cannot_be_trained(tokenizer: BlenderbotSmallTokenizer) -> None:
    with pytest.raises(TokenizationError, match="cannot be trained"):
        tokenizer.train_new_from_iterator(LINES, 50)
