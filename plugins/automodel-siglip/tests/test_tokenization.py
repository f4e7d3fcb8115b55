"""SigLIP's tokenizer and image processor, from files of a few pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from automodel_core import AutoImageProcessor, AutoProcessor, AutoTokenizer
from automodel_core.errors import TokenizationError
from automodel_siglip import SiglipImageProcessor, SiglipProcessor, SiglipTokenizer

PIECES = ["</s>", "<unk>", "\u2581a", "\u2581cat", "\u2581", "s", "2"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    rust = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(PIECES)], 1))
    rust.normalizer = normalizers.Lowercase()
    rust.pre_tokenizer = pre_tokenizers.Metaspace()
    rust.save(str(tmp_path / "tokenizer.json"))
    settings = {"tokenizer_class": "SiglipTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "siglip"}), "utf-8")
    return AutoTokenizer.from_pretrained(tmp_path)


def test_texts_end_and_are_padded_with_ends(tokenizer: Any) -> None:
    assert type(tokenizer) is SiglipTokenizer
    assert tokenizer("a CATs").input_ids == [2, 3, 5, 0]
    padded = tokenizer(["a"], padding="max_length")
    assert padded.input_ids == [[2] + [0] * 63]
    assert tokenizer("a", "cat").input_ids == [2, 0, 3, 0]


def test_a_tokenizer_needs_a_file() -> None:
    with pytest.raises(TokenizationError, match="give vocab_file or tokenizer_file"):
        SiglipTokenizer()


def test_a_processor_gives_the_inputs_of_both_towers(tokenizer: Any, tmp_path: Path) -> None:
    processor = SiglipProcessor(SiglipImageProcessor(size={"height": 8, "width": 6}), tokenizer)
    picture = torch.zeros(3, 20, 30, dtype=torch.uint8)
    given = {"text": ["a cat"], "images": picture, "padding": "max_length", "return_tensors": "pt"}
    inputs = processor(**given)
    assert inputs.pixel_values.shape == (1, 3, 8, 6)
    assert inputs.input_ids.shape == (1, 64)
    processor.save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert type(again) is SiglipProcessor
    assert torch.equal(again(**given).input_ids, inputs.input_ids)
    assert AutoImageProcessor.from_pretrained(tmp_path) == processor.image_processor
