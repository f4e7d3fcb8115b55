"""The CTC tokenizer and the processor equal the reference's: ids, texts, offsets, files."""

from __future__ import annotations

import json
import random
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from automodel_core import AutoProcessor, AutoTokenizer
from automodel_wav2vec2 import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

UPPER = {c: i for i, c in enumerate("<pad> <s> </s> <unk> | E T A O N I H S R D L U ' M".split())}
LOWER = {c: i for i, c in enumerate("<pad> <s> </s> <unk> | a b c ch é".split())}
NESTED = {"eng": LOWER, "fra": {**LOWER, "ç": 10, "à": 11}}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "upper case": (UPPER, {}),
    "lower case": (UPPER, {"do_lower_case": True}),
    "symbols of two characters": (LOWER, {}),
    "a language": (NESTED, {"target_lang": "fra"}),
    "other spaces": (
        {("#" if token == "|" else token): index for token, index in UPPER.items()},
        {"word_delimiter_token": "#", "replace_word_delimiter_char": "_"},
    ),
    "cleaned": (
        LOWER, {"replace_word_delimiter_char": "_", "clean_up_tokenization_spaces": True},
    ),
}  # fmt: skip
TEXTS = (
    *("THE HAT'S ON", "the hat on", "a  ch b", "ach", "a<pad>b <unk> c", " a b ", "é à ç x"),
    *("", "A|B", "a\nb", "<s>a</s>", "ABCH ch"),
)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"skip_special_tokens": True},
    {"group_tokens": False},
    {"spaces_between_special_tokens": True},
    {"output_char_offsets": True},
    {"output_word_offsets": True},
    {"output_char_offsets": True, "output_word_offsets": True, "skip_special_tokens": True},
)


def pair(case: str, folder: Path) -> tuple[Any, Any]:
    vocabulary, settings = CASES[case]
    path = folder / "vocab.json"
    path.write_text(json.dumps(vocabulary), encoding="utf-8")
    return (
        Wav2Vec2CTCTokenizer(path, **settings),
        transformers.Wav2Vec2CTCTokenizer(str(path), **settings),
    )


@pytest.mark.parametrize("case", CASES)
def test_ids_and_files(case: str, tmp_path: Path) -> None:
    ours, theirs = pair(case, tmp_path)
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    read = AutoTokenizer.from_pretrained(tmp_path / "theirs")
    back = transformers.Wav2Vec2CTCTokenizer.from_pretrained(str(tmp_path / "ours"))
    assert type(read) is Wav2Vec2CTCTokenizer
    assert ours.vocab_size == theirs.vocab_size
    assert ours.get_vocab() == theirs.get_vocab()
    for text in TEXTS:
        expected = theirs(text)["input_ids"]
        # Of our file, the reference reads the usual delimiter alone.
        readers = (ours, read) if case == "other spaces" else (ours, read, back)
        for one in readers:
            assert one(text)["input_ids"] == expected, text


@pytest.mark.parametrize("case", CASES)
def test_texts_and_offsets(case: str, tmp_path: Path) -> None:
    ours, theirs = pair(case, tmp_path)
    draw = random.Random(0)
    for _ in range(25):
        drawn = [draw.choice(range(ours.vocab_size)) for _ in range(draw.randrange(25))]
        ids = list(chain.from_iterable([i] * draw.randrange(1, 4) for i in drawn))
        for options in OPTIONS:
            found, expected = ours.decode(ids, **options), theirs.decode(ids, **options)
            if isinstance(expected, str) or not expected["text"]:
                text = expected if isinstance(expected, str) else expected["text"]
                assert (found if isinstance(found, str) else found["text"]) == text
            else:
                assert dict(found) == dict(expected)
    rows = torch.tensor([[3, 3, 5], [6, 0, 6]])
    assert ours.batch_decode(rows) == theirs.batch_decode(rows)
    timed = {"output_word_offsets": True}
    assert dict(ours.batch_decode(rows, **timed)) == dict(theirs.batch_decode(rows, **timed))


def test_another_language(tmp_path: Path) -> None:
    ours, theirs = pair("a language", tmp_path)
    for one in (ours, theirs):
        one.set_target_lang("eng")
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours("ça")["input_ids"] == theirs("ça")["input_ids"]


def test_processors(tmp_path: Path) -> None:
    ours, theirs = pair("upper case", tmp_path)
    ours = Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), ours)
    theirs = transformers.Wav2Vec2Processor(transformers.Wav2Vec2FeatureExtractor(), theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    read = AutoProcessor.from_pretrained(tmp_path / "theirs")
    back = transformers.Wav2Vec2Processor.from_pretrained(str(tmp_path / "ours"))
    assert type(read) is Wav2Vec2Processor
    sound = np.random.default_rng(0).standard_normal(800).astype("float32")
    given: dict[str, Any] = {
        "audio": [sound, sound[:600]], "text": ["THE HAT", "ON"], "sampling_rate": 16_000,
        "padding": True, "return_tensors": "pt",
    }  # fmt: skip
    expected = theirs(**given)
    for one in (ours, read, back):
        found = one(**given)
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert torch.allclose(found[name], value, atol=1e-5)
    features = [{"input_values": sound}, {"input_values": sound[:600]}]
    labels = [{"input_ids": [1, 2, 3]}, {"input_ids": [4]}]
    pads = [
        one.pad(features, labels=labels, padding=True, return_tensors="pt")
        for one in (ours, theirs)
    ]
    assert set(pads[0]) == set(pads[1])
    for name, value in pads[1].items():
        assert torch.allclose(pads[0][name].float(), value.float()), name
