"""ViLT's image processor and processor: sizes, masks, files of any age."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor
from automodel_vilt import BertTokenizer, ViltImageProcessor, ViltProcessor

# preprocessor_config.json of dandelin/vilt-b32-mlm, as it stood on the hub.
OLD = {
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ViltFeatureExtractor",
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "pad_and_return_pixel_mask": True,
    "resample": 3,
    "size": 384,
    "size_divisor": 32,
}


def picture(height: int, width: int) -> torch.Tensor:
    return torch.arange(3 * height * width).view(3, height, width).remainder(251).to(torch.uint8)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((480, 640), (384, 512)), ((300, 1000), (192, 608)), ((400, 400), (384, 384)),
     ((1000, 90), (608, 32)), ((2000, 10), (608, 32))],
)  # fmt: skip
def test_sizes_are_multiples_of_the_divisor(shape: tuple[int, int], size: tuple[int, int]) -> None:
    found = ViltImageProcessor()(picture(*shape), return_tensors="pt")
    assert found.pixel_values.shape[2:] == size
    assert found.pixel_mask.shape[1:] == size
    assert found.pixel_mask.all()


def test_a_batch_is_padded_and_masked() -> None:
    processor = ViltImageProcessor(size=8, size_divisor=4)
    found = processor([picture(8, 12), picture(12, 8)], return_tensors="pt")
    assert found.pixel_values.shape == (2, 3, 12, 12)
    assert found.pixel_mask[0].sum() == found.pixel_mask[1].sum() == 96
    assert found.pixel_mask[0, :8].all()
    assert not found.pixel_values[0, :, 8:].any()
    alone = processor([picture(8, 12), picture(12, 8)], do_pad=False)
    assert list(alone) == ["pixel_values"]


@pytest.mark.parametrize("changes", [{}, {"pad_and_return_pixel_mask": False}])
def test_old_files_are_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**OLD, **changes}), "utf-8")
    for auto_class in (AutoImageProcessor, AutoFeatureExtractor):
        processor = auto_class.from_pretrained(tmp_path)
        assert type(processor) is ViltImageProcessor
        assert processor.size == {"shortest_edge": 384}
        assert processor.do_pad is changes.get("pad_and_return_pixel_mask", True)


def test_a_processor_gives_all_inputs_of_a_pair(tmp_path: Path) -> None:
    tokenizer = BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "cat": 4})
    processor = ViltProcessor(ViltImageProcessor(size=8, size_divisor=4), tokenizer)
    given = {"text": "cat?", "images": picture(8, 12), "return_tensors": "pt"}
    inputs = processor(**given)
    assert set(inputs) == {
        "pixel_values", "pixel_mask", "input_ids", "token_type_ids", "attention_mask",
    }  # fmt: skip
    processor.save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert type(again) is ViltProcessor
    assert torch.equal(again(**given).input_ids, inputs.input_ids)
