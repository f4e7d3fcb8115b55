"""Blenderbot-small's tokenizer against that of transformers, which is Python and has no offsets."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from automodel_blenderbot import BlenderbotSmallTokenizer
from support.nasty_text import NASTY

ALPHABET = "abcdehlo .,!?()'\n\n  \tÉ@_☃ß<>/w"
GREEK = "ΩΣ' ΣΔΣ.Σ ΣΩ"  # its last letter of a word has a small form of its own
SPECIAL = ["__null__", "__start__", "__end__", "__unk__"]


def drawn_texts(count: int) -> list[str]:
    chance = random.Random(0)
    return ["".join(chance.choices(ALPHABET, k=chance.randint(1, 40))) for _ in range(count)]


TEXTS = [
    *NASTY,
    *drawn_texts(400),
    *("a__end__b hel __start__\nfoo", "__newln__ a\n__newln__", GREEK, "a\r\nb\n\n\nc"),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Return our tokenizer and theirs, of merges learnt from part of the texts."""
    folder = tmp_path_factory.mktemp("blenderbot_small")
    rust = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=300, end_of_word_suffix="</w>", show_progress=False)
    lines = [text.lower() for text in TEXTS[::2] if "<" not in text]
    lines += ["__newln__ it's", GREEK.lower()] * 9
    rust.train_from_iterator(lines, trainer)
    names = sorted(
        piece.removesuffix("</w>") if piece.endswith("</w>") else f"{piece}@@"
        for piece in rust.get_vocab()
    )
    # A vocabulary may lack some of what the merges make.
    kept = [name for i, name in enumerate(names) if i % 7 or set(name) & set(GREEK.lower())]
    vocabulary = {token: index for index, token in enumerate(SPECIAL + kept)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = json.loads(rust.to_str())["model"]["merges"]
    content = ["#version: 0.2", *(" ".join(merge) for merge in merges), ""]
    (folder / "merges.txt").write_text("\n".join(content), encoding="utf-8")
    return (
        BlenderbotSmallTokenizer.from_pretrained(folder),
        transformers.BlenderbotSmallTokenizer.from_pretrained(folder),
    )


def test_texts_are_equal(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for text in TEXTS:
        assert dict(ours(text)) == dict(theirs(text)), text
        if "İ" not in text:
            # What one letter becomes in small print is shown whole for each piece of it.
            assert ours.tokenize(text) == theirs.tokenize(text), text


def test_pairs_and_batches_are_equal(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    texts = [text for text in TEXTS if len(text) < 200]
    for options in (
        {"padding": True},
        {"padding": "max_length", "truncation": True, "max_length": 11},
        {"padding": True, "truncation": True, "max_length": 5, "padding_side": "left"},
    ):
        assert dict(ours(texts, **options)) == dict(theirs(texts, **options))
    options = {"padding": True, "truncation": "only_first", "max_length": 300}
    both = ours(texts, texts[::-1], **options), theirs(texts, texts[::-1], **options)
    assert dict(both[0]) == dict(both[1])
    assert dict(ours("a b", "c", return_token_type_ids=True)) == dict(
        theirs("a b", "c", return_token_type_ids=True)
    )


@pytest.mark.parametrize("skip", [False, True])
def test_decoded_text_is_equal(pair: tuple[Any, Any], skip: bool) -> None:
    ours, theirs = pair
    chance = random.Random(1)
    rows = [theirs(text)["input_ids"] for text in TEXTS]
    rows += [[chance.randrange(ours.vocab_size) for _ in range(9)] for _ in range(200)]
    for row in rows:
        expected = theirs.decode(row, skip_special_tokens=skip)
        assert ours.decode(row, skip_special_tokens=skip) == expected
        tokens = theirs.convert_ids_to_tokens(row, skip_special_tokens=skip)
        assert ours.convert_ids_to_tokens(row, skip_special_tokens=skip) == tokens
        assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)


def test_added_tokens_and_files_are_equal(pair: tuple[Any, Any], tmp_path: Path) -> None:
    names = [Path(pair[0].name_or_path, name) for name in ("vocab.json", "merges.txt")]
    ours, theirs = BlenderbotSmallTokenizer(*names), type(pair[1])(*map(str, names))
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens(["NewWord", "lo"])
        tokenizer.add_special_tokens({"additional_special_tokens": ["<S>"]})
    texts = [*TEXTS, "aNewWordb newword hello lo<S> <s>"]
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    others = (
        BlenderbotSmallTokenizer.from_pretrained(tmp_path / "theirs"),
        transformers.BlenderbotSmallTokenizer.from_pretrained(tmp_path / "ours"),
    )
    for text in texts:
        expected = theirs(text)["input_ids"]
        for tokenizer in (ours, *others):
            assert tokenizer(text)["input_ids"] == expected, (tokenizer, text)
            assert tokenizer.decode(expected) == theirs.decode(expected)
