"""SigLIP's tokenizer and processor equal the reference's, call by call and file by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

pytest.importorskip("sentencepiece")

from automodel_core import AutoProcessor, AutoTokenizer
from automodel_siglip import SiglipImageProcessor, SiglipProcessor, SiglipTokenizer
from support.parity import IS_5
from support.sentencepieces import TEXTS, train

PROMPTS = [
    "A photo of 2 CATS, (really)!",
    "it's a dog - isn't it?",
    "  spaces\t and\nlines  ",
    "ΟΔΟΣ ΣΑΣ",
    "one</s>two </s> three",
    "",
    "...",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("siglip")
    train(path / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    settings = {"tokenizer_class": "SiglipTokenizer", "model_max_length": 64}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (path / "config.json").write_text(json.dumps({"model_type": "siglip"}), "utf-8")
    return path


@pytest.fixture(scope="session")
def pair(folder: Path) -> tuple[Any, Any]:
    theirs = transformers.SiglipTokenizer.from_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder), theirs


def cut(tokenizer: Any, *texts: Any, **options: Any) -> dict[str, Any]:
    return {key: list(value) for key, value in tokenizer(*texts, **options).items()}


@pytest.mark.parametrize("text", [*TEXTS, *PROMPTS], ids=range(len(TEXTS) + len(PROMPTS)))
def test_texts_and_pairs_are_equal(pair: tuple[Any, Any], text: str) -> None:
    if text == "</s>" or text.startswith("<unk> <pad>"):
        pytest.skip("an end that is there is kept; a mark behind a special token begins no word")
    ours, theirs = pair
    assert type(ours) is SiglipTokenizer
    assert cut(ours, text) == cut(theirs, text)
    assert cut(ours, text, "a second") == cut(theirs, text, "a second")


@pytest.mark.parametrize(
    "options",
    [{"padding": True}, {"padding": "max_length", "truncation": True}],
    ids=str,
)
def test_batches_are_equal(pair: tuple[Any, Any], options: dict[str, Any]) -> None:
    ours, theirs = pair
    assert cut(ours, PROMPTS, **options) == cut(theirs, PROMPTS, **options)


def test_case_may_be_kept(folder: Path) -> None:
    ours = SiglipTokenizer.from_pretrained(folder, do_lower_case=False)
    theirs = transformers.SiglipTokenizer.from_pretrained(folder, do_lower_case=False)
    assert cut(ours, PROMPTS) == cut(theirs, PROMPTS)


def test_attributes_and_decoding_are_equal(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    assert ours.model_max_length == theirs.model_max_length == 64
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.vocab_size == theirs.vocab_size
    for text in PROMPTS[:3]:
        ids = theirs(text)["input_ids"]
        assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(
            ids, skip_special_tokens=True
        )


def test_processors_make_the_same_inputs_and_read_each_others_files(
    pair: tuple[Any, Any], tmp_path: Path
) -> None:
    size = {"size": {"height": 20, "width": 24}}
    ours = SiglipProcessor(SiglipImageProcessor(**size), pair[0])
    theirs = transformers.SiglipProcessor(reference_images(**size), pair[1])
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for side in ("ours", "theirs"):
        (tmp_path / side / "config.json").write_text(json.dumps({"model_type": "siglip"}), "utf-8")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    given = {
        "text": PROMPTS[:3],
        "images": Image.fromarray(pixels),
        "padding": "max_length",
        "return_tensors": "pt",
    }
    expected = theirs(**given)
    read = AutoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(read) is SiglipProcessor
    back = transformers.SiglipProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    for found in (ours(**given), read(**given), back(**given)):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert torch.equal(found[key], value), key


def reference_images(**settings: Any) -> Any:
    if IS_5:
        from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

        return SiglipImageProcessorPil(**settings)
    return transformers.SiglipImageProcessor(**settings)
