"""CLIP's tokenizer and processor equal the reference's, call by call and file by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from automodel_clip import CLIPImageProcessor, CLIPProcessor, CLIPTokenizer
from automodel_core import AutoProcessor, AutoTokenizer
from support.nasty_text import NASTY
from support.parity import IS_5

TEXTS = [text for text in NASTY if len(text) < 200]
WORDS = (
    "It's a cat, isn't it? They'll say WE'RE done: 1234 times\n\tÅngström "
    "\uff46\uff55\uff4c\uff4c naïve ÷ é"
)
MARKED = "one <|startoftext|>two<|endoftext|> three"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small vocabulary and write it as files of the first kind: pieces and merges."""
    path = tmp_path_factory.mktemp("clip")
    trained = CLIPTokenizer().train_new_from_iterator(
        [*NASTY, WORDS] * 2, 700, initial_alphabet=[chr(c) for c in range(33, 127)]
    )
    state = json.loads(trained.backend_tokenizer.to_str())["model"]
    (path / "vocab.json").write_text(json.dumps(state["vocab"]), "utf-8")
    merges = [" ".join(pair) for pair in state["merges"]]
    (path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf-8")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (path / "config.json").write_text(json.dumps({"model_type": "clip"}), "utf-8")
    return path


def theirs_of(folder: Path) -> Any:
    name = "CLIPTokenizer" if IS_5 else "CLIPTokenizerFast"
    return getattr(transformers, name).from_pretrained(folder)


@pytest.fixture(scope="session")
def pair(folder: Path) -> tuple[Any, Any]:
    return CLIPTokenizer.from_pretrained(folder), theirs_of(folder)


def everything(tokenizer: Any, *texts: Any, **options: Any) -> tuple[Any, ...]:
    result = tokenizer(*texts, return_offsets_mapping=True, **options)
    rows = range(len(result.encodings))
    return {key: list(value) for key, value in result.items()}, [result.tokens(r) for r in rows]


@pytest.mark.parametrize(
    "text", [*TEXTS, WORDS, MARKED, "", " ", "A  B"], ids=range(len(TEXTS) + 5)
)
def test_texts_and_pairs_are_equal(pair: tuple[Any, Any], text: str) -> None:
    ours, theirs = pair
    assert everything(ours, text) == everything(theirs, text)
    assert everything(ours, text, "a second") == everything(theirs, text, "a second")
    row = theirs(text)["input_ids"]
    for skip in (False, True):
        expected = theirs.decode(row, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
        assert ours.decode(row, skip_special_tokens=skip) == expected
    assert ours.convert_ids_to_tokens(row) == theirs.convert_ids_to_tokens(row)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": True},
        {"padding": "max_length", "truncation": True},
        {"truncation": True, "max_length": 5, "padding": True, "padding_side": "left"},
    ],
    ids=str,
)
def test_batches_are_equal(pair: tuple[Any, Any], options: dict[str, Any]) -> None:
    ours, theirs = pair
    assert everything(ours, TEXTS, **options) == everything(theirs, TEXTS, **options)


def test_attributes_are_equal(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.model_max_length == theirs.model_max_length == 77
    assert ours.model_input_names == theirs.model_input_names
    assert ours.all_special_ids == theirs.all_special_ids


def test_files_go_both_ways(pair: tuple[Any, Any], tmp_path: Path) -> None:
    ours, theirs = pair
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for side in ("ours", "theirs"):
        (tmp_path / side / "config.json").write_text(json.dumps({"model_type": "clip"}), "utf-8")
    expected = everything(ours, [WORDS, MARKED])
    assert (
        everything(AutoTokenizer.from_pretrained(tmp_path / "theirs"), [WORDS, MARKED]) == expected
    )
    assert everything(theirs_of(tmp_path / "ours"), [WORDS, MARKED]) == expected


@pytest.mark.parametrize(
    "call",
    [
        {"text": ["a cat", "two dogs"], "images": 2, "padding": True},
        {"text": "a cat", "images": 1},
        {"text": ["a cat"], "padding": "max_length", "truncation": True},
        {"images": 1},
    ],
    ids=str,
)
def test_a_processor_makes_the_same_inputs(pair: tuple[Any, Any], call: dict[str, Any]) -> None:
    numbers = np.random.default_rng(0)
    pictures = [
        Image.fromarray(numbers.integers(0, 256, (31, 47, 3), dtype=np.uint8)) for _ in range(2)
    ]
    given = {**call, "return_tensors": "pt"}
    if "images" in call:
        given["images"] = pictures[: call["images"]]
    size = {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}}
    processors = (
        CLIPProcessor(CLIPImageProcessor(**size), pair[0]),
        transformers.CLIPProcessor(reference_images(**size), pair[1]),
    )
    found, expected = (processor(**given) for processor in processors)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key


def reference_images(**settings: Any) -> Any:
    if IS_5:
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        return CLIPImageProcessorPil(**settings)
    return transformers.CLIPImageProcessor(**settings)


def test_processors_read_each_others_files(pair: tuple[Any, Any], tmp_path: Path) -> None:
    size = {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}}
    ours = CLIPProcessor(CLIPImageProcessor(**size), pair[0])
    theirs = transformers.CLIPProcessor(reference_images(**size), pair[1])
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for side in ("ours", "theirs"):
        (tmp_path / side / "config.json").write_text(json.dumps({"model_type": "clip"}), "utf-8")
    picture = Image.fromarray(np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3))
    given = {"text": [WORDS], "images": picture, "return_tensors": "pt"}
    expected = ours(**given)
    read = AutoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(read) is CLIPProcessor
    back = transformers.CLIPProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    for found in (read(**given), back(**given)):
        for key, value in expected.items():
            assert torch.equal(found[key], value), key
