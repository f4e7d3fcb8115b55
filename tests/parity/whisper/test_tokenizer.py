"""Whisper's tokenizer and normalisers against the reference, call by call."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.models.whisper import english_normalizer

from automodel_core import AutoTokenizer
from automodel_whisper import BasicTextNormalizer, EnglishTextNormalizer, WhisperTokenizer
from automodel_whisper.languages import CODES
from automodel_whisper.numbers import WORDS
from parity.whisper.vocabulary import SPELLING, TEXTS, write_tokenizer
from support.parity import IS_5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files as a released checkpoint has them, without tokenizer.json."""
    folder = tmp_path_factory.mktemp("whisper")
    write_tokenizer(folder)
    return folder


@pytest.fixture
def pair(folder: Path) -> tuple[Any, Any]:
    theirs = transformers.WhisperTokenizerFast.from_pretrained(folder)
    ours = AutoTokenizer.from_pretrained(folder)
    assert type(ours) is WhisperTokenizer
    return ours, theirs


def spoken(tokenizer: Any, chance: random.Random, texts: int) -> list[int]:
    """Return ids as a model writes them, with times that may begin again or stand alone."""
    first, time = tokenizer.timestamps().begin, 0
    ids = tokenizer.convert_tokens_to_ids(["<|startoftranscript|>", "<|en|>", "<|transcribe|>"])
    for place in range(texts):
        time = 0 if place and chance.random() < 0.3 else time + chance.randint(0, 40)
        ids.append(first + min(time, 1500))
        text = tokenizer(chance.choice(TEXTS), add_special_tokens=False)["input_ids"]
        ids += text[: chance.randint(1, 9)]
        time += chance.randint(1, 200)
        ids += [first + min(time, 1500)] * (chance.random() < 0.85)
        ids += [chance.randint(0, 250)] * (chance.random() < 0.2)
    return [*ids, tokenizer.eos_token_id] if chance.random() < 0.5 else ids


def test_prefixes(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    assert ours("hi")["input_ids"] == theirs("hi")["input_ids"]
    for options in (
        {"language": "de"},
        {"language": "French", "task": "translate"},
        {"predict_timestamps": True},
        {"language": "castilian", "task": "transcribe", "predict_timestamps": False},
    ):
        for tokenizer in pair:
            tokenizer.set_prefix_tokens(**options)
        assert ours.prefix_tokens == theirs.prefix_tokens
        for texts in (("hi you",), ("hi", "you")):
            assert ours(*texts)["input_ids"] == theirs(*texts)["input_ids"]
        shown = {"return_special_tokens_mask": True}
        assert ours("a", **shown).data == theirs("a", **shown).data
    forced = ours.get_decoder_prompt_ids("transcribe", "es")
    assert forced == theirs.get_decoder_prompt_ids("transcribe", "es")
    found, expected = (t.get_prompt_ids(" hello there ", "pt") for t in pair)
    assert torch.equal(found, expected)
    for tokenizer in pair:
        with pytest.raises(ValueError, match="special token"):
            tokenizer.get_prompt_ids("hello <|en|>")
        with pytest.raises(ValueError, match=r"(?i)unsupported|unknown"):
            tokenizer.set_prefix_tokens(language="klingon")
    known = transformers.models.whisper.tokenization_whisper.TO_LANGUAGE_CODE
    assert known == CODES


DECODING: list[dict[str, Any]] = [
    {},
    {"skip_special_tokens": True},
    {"output_offsets": True},
    {"decode_with_timestamps": True},
    {"decode_with_timestamps": True, "skip_special_tokens": True, "output_offsets": True},
    {"normalize": True, "skip_special_tokens": True},
    {"basic_normalize": True, "remove_diacritics": True},
    {"output_offsets": True, "time_precision": 0.01},
]


@pytest.mark.filterwarnings("ignore:The private method:UserWarning")
@pytest.mark.parametrize("options", DECODING, ids=str)
def test_decoded_text(pair: tuple[Any, Any], options: dict[str, Any]) -> None:
    ours, theirs = pair
    chance = random.Random(0)
    for place in range(25):
        ids = spoken(ours, chance, chance.randint(1, 5))
        if place % 5 == 0:
            ids = ours.get_prompt_ids("hello there", "pt").tolist() + ids
        expected = theirs.decode(ids, **options)
        assert ours.decode(ids, **options) == expected
        assert ours.decode(torch.tensor(ids), **options) == expected
        assert ours.batch_decode([ids, ids[:9]], **options)[0] == expected


@pytest.mark.parametrize("times", [None, True, "word"])
@pytest.mark.parametrize("language", [False, True])
def test_recordings_that_overlap(pair: tuple[Any, Any], times: Any, language: bool) -> None:
    ours, theirs = pair
    chance = random.Random(1)
    for _ in range(12):
        outputs, count = [], chance.randint(1, 3)
        for place in range(count):
            ids = spoken(ours, chance, chance.randint(1, 3))
            ends = torch.arange(len(ids))[None] * 0.1
            output = {"tokens": torch.tensor([ids]), "token_timestamps": ends}
            if count > 1:
                sides = 5.0 * (place > 0), 5.0 * (place < count - 1)
                output["stride"] = (30.0, *sides)
            outputs.append(output)
        options = {
            "return_timestamps": times, "return_language": language, "time_precision": 0.02,
        }  # fmt: skip
        assert ours.merge_chunks(outputs, **options) == theirs._decode_asr(outputs, **options)


def test_normalised_english() -> None:
    ours = EnglishTextNormalizer(SPELLING)
    theirs = english_normalizer.EnglishTextNormalizer(SPELLING)
    chance = random.Random(2)
    words = [
        *sorted(WORDS), *"$5 1.5 20 100 3 ¢7 $20 -3 twenty-one 2nd £1.5 1960s 10,000 % £".split(),
        "and a half", "colour", "per cent", "mr.", "o'clock", "won't", "(hm)", "[x]", "uh",
        "it's been", "Größe", "a.", "1.", "2.5 million", "'", "y'all", "St.", "N.A.S.A.",
    ]  # fmt: skip
    for _ in range(4000):
        text = " ".join(chance.choice(words) for _ in range(chance.randint(1, 8)))
        assert ours(text) == theirs(text), text


def test_normalised_texts_of_any_language() -> None:
    for options in ({}, {"remove_diacritics": True}, {"split_letters": True}):
        theirs = english_normalizer.BasicTextNormalizer(**options)
        for text in (*TEXTS, "ŒUVRE Ærø naïve", "한국어 테스트", "नमस्ते", "<a> [b] (c) d"):
            assert BasicTextNormalizer(**options)(text) == theirs(text)


def test_files_go_both_ways(pair: tuple[Any, Any], tmp_path: Path) -> None:
    ours, theirs = pair
    for one, other, place in (
        (ours, transformers.AutoTokenizer, "ours"),
        (theirs, AutoTokenizer, "theirs"),
    ):
        one.set_prefix_tokens("es", "translate")
        one.init_kwargs.update(language="es", task="translate")  # which version 4 forgets
        one.save_pretrained(tmp_path / place)
        (tmp_path / place / "config.json").write_text(json.dumps({"model_type": "whisper"}))
        again = other.from_pretrained(tmp_path / place)
        for text in TEXTS:
            ids = one(text)["input_ids"]
            assert again(text)["input_ids"] == ids
            assert again.decode(ids, skip_special_tokens=True) == text
    again = AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert (again.language, again.task) == ("es", "translate")
    assert again.english_spelling_normalizer == SPELLING
    assert IS_5 or AutoTokenizer.from_pretrained(tmp_path / "theirs").normalize("colour") == "color"
