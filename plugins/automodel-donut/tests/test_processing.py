"""Donut's processor: pages and prompts in, fields out."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoProcessor
from automodel_donut import DonutImageProcessor, DonutProcessor, XLMRobertaTokenizer

PIECES = ["<unk>", "<s>", "</s>", "▁read", "▁this", "▁", *"adehirst."]
PAGE = torch.zeros(3, 8, 6, dtype=torch.uint8)


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer; none here is longer than 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


@pytest.fixture
def processor(tmp_path: Path) -> Any:
    content = b""
    for index, text in enumerate(PIECES):
        kind = (2, 3, 3)[index] if index < 3 else 1
        score = b"\x15" + struct.pack("<f", -float(index))
        content += field(1, field(1, text.encode()) + score + bytes([0x18, kind]))
    content += field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    preprocessor = {
        "feature_extractor_type": "DonutFeatureExtractor",
        "processor_class": "DonutProcessor",
        "size": [6, 8],
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    settings = {"tokenizer_class": "XLMRobertaTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    added = {"<s_name>": 17, "</s_name>": 18, "<yes/>": 19}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added))
    return AutoProcessor.from_pretrained(tmp_path)


def test_it_is_found_by_the_name_in_the_image_processors_file(processor: Any) -> None:
    assert type(processor) is DonutProcessor
    assert type(processor.image_processor) is DonutImageProcessor
    assert type(processor.tokenizer).__name__ == XLMRobertaTokenizer.__name__
    assert processor.image_processor.size == {"height": 8, "width": 6}


def test_prompts_have_no_end_and_are_labels_too(processor: Any) -> None:
    both = processor(PAGE, "<s_name>read", return_tensors="pt")
    assert both.keys() == {"pixel_values", "input_ids", "attention_mask", "labels"}
    assert both.input_ids.tolist() == both.labels.tolist() == [[17, 4]]
    assert processor(text="read").input_ids == [0, 4, 2]
    framed = processor(PAGE, "read", add_special_tokens=True)
    assert framed["labels"] == [0, 4, 2]
    names = ["pixel_values", "input_ids", "attention_mask", "labels"]
    assert processor.model_input_names == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", {"text_sequence": "plain"}),
        ("", {"text_sequence": ""}),
        ("<s_a> 1 </s_a>", {"a": "1"}),
        ("<s_a>1</s_a><s_b>2</s_b>", {"a": "1", "b": "2"}),
        ("<s_a>1<sep/>2</s_a>", {"a": ["1", "2"]}),
        ("<s_a><s_b>1</s_b></s_a>", {"a": {"b": "1"}}),
        (
            "<s_a><s_b>1</s_b><sep/><s_b>2</s_b></s_a>",
            {"a": [{"b": "1"}, {"b": "2"}]},
        ),
        ("<s_a><yes/></s_a><s_b><no/></s_b>", {"a": "yes", "b": "<no/>"}),
        ("<s_a>1</s_a> rest", {"a": "1"}),
        ("<s_a>never closed", {"text_sequence": "never closed"}),
        ("<s_a>1<s_b>2</s_b>", {"b": "2"}),
        ("</s_a><s_a>1</s_a>", {"a": "1"}),
        ("<s_a", {"text_sequence": "<s_a"}),
        ("<S_A>1</s_a>", {"A": "1"}),
        ("<s_a></s_a>", {"a": ""}),
    ],
)
def test_fields_are_read(processor: Any, text: str, expected: Any) -> None:
    assert processor.token2json(text) == expected
