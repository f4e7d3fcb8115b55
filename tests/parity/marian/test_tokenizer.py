"""Marian's tokenizer against the reference, which needs the sentencepiece library."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path
from typing import Any

import pytest

sentencepiece = pytest.importorskip("sentencepiece")
transformers = pytest.importorskip("transformers")

from automodel_core import AutoTokenizer  # noqa: E402
from automodel_marian import MarianTokenizer  # noqa: E402
from support.nasty_text import NASTY  # noqa: E402

# tokenizers normalises by grapheme: it loses a mark that follows one it has composed, or a space.
LOST = ("\u0323", "\u0363", "\u034f", "\u1112")
# A run of one sign can be cut in several ways with the same score, of which any is right.
RUN = "!!!!!!!!"
# Metaspace adds no space before text that begins with its own sign for one.
TEXTS = [
    text.replace("\0", "")
    for text in NASTY
    if not any(part in text for part in (*LOST, RUN)) and not text.lstrip().startswith("\u2581")
]
CODES = (">>fr<<", ">>de_x<<", ">>zho<<")
CODED = [
    *(f"{code}{text}" for code in CODES for text in ("", " a b.", "caf\u00e9", "\n x")),
    ">>unknown<< text", " >>fr<< late", "text >>fr<<", ">>fr<<>>fr<< twice", ">> fr << spaced",
    ">>fr< broken", "a</s>>>fr<< b", "</s> >>fr<<", ">>a\nb<<c",
]  # fmt: skip


def trained(folder: Path, name: str, texts: list[str], **options: Any) -> list[str]:
    """Train a SentencePiece model and return its pieces."""
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for line in lines if "<" not in line] * 3),
        model_prefix=str(folder / name),
        hard_vocab_limit=False,
        character_coverage=0.98,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    (folder / f"{name}.model").rename(folder / f"{name}.spm")
    library = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.spm"))
    return [library.id_to_piece(index) for index in range(library.get_piece_size())]


def numbered(
    pieces: list[str], count: int, seed: int, codes: tuple[str, ...] = ()
) -> dict[str, int]:
    """Return a vocabulary as converted checkpoints have it: not in order, and not complete."""
    chance = random.Random(seed)
    kept = [piece for piece in dict.fromkeys(pieces) if piece not in ("<unk>", "<s>", "</s>")]
    chance.shuffle(kept)
    kept = kept[:count]
    return {token: i for i, token in enumerate(["</s>", "<unk>", *codes, *kept, "<pad>"])}


@pytest.fixture(scope="module", params=["one vocabulary", "separate", "bpe"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marian")
    options = {"model_type": "unigram", "vocab_size": 400}
    if request.param == "bpe":
        options |= {"model_type": "bpe", "normalization_rule_name": "identity"}
    source = trained(folder, "source", TEXTS[::2], **options)
    target = trained(folder, "target", TEXTS[1::2], **options)
    settings: dict[str, Any] = {"source_lang": "en", "target_lang": "fr"}
    if request.param == "separate":
        vocabularies = {"vocab": numbered(source, 150, 1), "target_vocab": numbered(target, 150, 2)}
        settings |= {"separate_vocabs": True}
    else:
        vocabularies = {"vocab": numbered(source + target, 300, 3, CODES)}
    for name, vocabulary in vocabularies.items():
        (folder / f"{name}.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps({"model_type": "marian"}))
    return folder


@pytest.fixture(scope="module")
def pair(folder: Path) -> tuple[MarianTokenizer, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends sacremoses
        reference = transformers.MarianTokenizer.from_pretrained(folder)
    return MarianTokenizer.from_pretrained(folder), reference


def test_ids_of_sources(pair: tuple[MarianTokenizer, Any]) -> None:
    ours, theirs = pair
    texts = TEXTS + CODED
    found = ours(texts)
    for row, text in enumerate(texts):
        expected = theirs(text)
        assert found["input_ids"][row] == expected["input_ids"], text
        assert found["attention_mask"][row] == expected["attention_mask"]
        assert ours.tokenize(text) == theirs.tokenize(text), text


def test_ids_of_targets(pair: tuple[MarianTokenizer, Any]) -> None:
    ours, theirs = pair
    texts = TEXTS + CODED
    found = ours(text_target=texts)["input_ids"]
    for row, text in enumerate(texts):
        assert found[row] == theirs(text_target=text)["input_ids"], text


def test_decoding(pair: tuple[MarianTokenizer, Any]) -> None:
    ours, theirs = pair
    for text in TEXTS + CODED:
        ids = theirs(text_target=text)["input_ids"]
        for skip in (True, False):
            # 5.23 joins targets by the source's model, which knows few of their pieces.
            expected = theirs.decode(ids, skip_special_tokens=skip, use_source_tokenizer=False)
            assert ours.decode(ids, skip_special_tokens=skip) == expected, text


def test_padding_truncation_pairs_and_tensors(pair: tuple[MarianTokenizer, Any]) -> None:
    ours, theirs = pair
    texts = [text for text in TEXTS if text.strip()][:12]
    for options in (
        {"padding": True},
        {"padding": True, "truncation": True, "max_length": 5},
        {"padding": "max_length", "max_length": 40, "truncation": True, "return_tensors": "pt"},
        {"add_special_tokens": False},
        {"text_pair": texts[::-1]},
    ):
        found, expected = ours(texts, **options), theirs(texts, **options)
        assert set(found) == set(expected)
        for key, value in expected.items():
            rows = value.tolist() if hasattr(value, "tolist") else value
            mine = found[key].tolist() if hasattr(found[key], "tolist") else found[key]
            assert mine == rows, (options, key)
    both = ours(texts, text_target=texts[::-1], padding=True)
    assert both["labels"] == theirs(texts, text_target=texts[::-1], padding=True)["labels"]


def test_facts(pair: tuple[MarianTokenizer, Any]) -> None:
    ours, theirs = pair
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.get_src_vocab() == theirs.get_src_vocab()
    assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
    for fact in (
        *("supported_language_codes", "model_max_length", "source_lang", "target_lang"),
        *("eos_token_id", "pad_token_id", "unk_token_id", "bos_token", "separate_vocabs"),
        *("special_tokens_map", "all_special_ids", "padding_side", "model_input_names"),
    ):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    assert ours.num_special_tokens_to_add() == theirs.num_special_tokens_to_add()
    size = len(ours.get_tgt_vocab())
    assert ours.convert_ids_to_tokens(range(size)) == [
        theirs.convert_ids_to_tokens(index) for index in range(size)
    ]


def test_files_go_both_ways(
    pair: tuple[MarianTokenizer, Any], folder: Path, tmp_path: Path
) -> None:
    ours, theirs = pair
    texts = [*TEXTS[:20], *CODED]
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for name in ("source.spm", "target.spm"):
        assert (tmp_path / "ours" / name).read_bytes() == (folder / name).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = transformers.MarianTokenizer.from_pretrained(tmp_path / "ours")
    assert again(texts)["input_ids"] == theirs(texts)["input_ids"]
    assert again(text_target=texts)["input_ids"] == theirs(text_target=texts)["input_ids"]
    for back in (
        AutoTokenizer.from_pretrained(tmp_path / "theirs"),
        AutoTokenizer.from_pretrained(tmp_path / "ours"),
        AutoTokenizer.from_pretrained(folder),
    ):
        assert type(back) is MarianTokenizer
        assert back(texts) == ours(texts)
        assert back.source_lang == "en"
