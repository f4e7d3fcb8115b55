"""Processors alone: squares, blurs, texts for each image, and objects in pixels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from automodel_core.errors import InputError
from automodel_owlvit import (
    CLIPTokenizer,
    Owlv2ImageProcessor,
    OwlViTImageProcessor,
    OwlViTProcessor,
)
from automodel_owlvit.processing import as_many_for_each


def test_pictures_are_stretched_or_padded() -> None:
    wide = torch.full((3, 20, 40), 255, dtype=torch.uint8)
    settings: dict[str, Any] = {"do_normalize": False, "size": {"height": 16, "width": 16}}
    stretched = OwlViTImageProcessor(**settings)(wide).pixel_values[0]
    torch.testing.assert_close(stretched, torch.ones(3, 16, 16))
    for value in (0.0, 0.5):
        padded = Owlv2ImageProcessor(**settings, pad_value=value)(wide).pixel_values[0]
        torch.testing.assert_close(padded[:, :7], torch.ones(3, 7, 16))
        torch.testing.assert_close(padded[:, 9:], torch.full((3, 7, 16), value))


def test_a_blur_keeps_what_is_even_and_evens_what_is_not() -> None:
    processor = Owlv2ImageProcessor(do_normalize=False, do_rescale=False)
    even = torch.full((3, 31, 31), 7.0)
    for edge in (3, 10, 31, 64):
        small = processor(even, size={"height": edge, "width": edge}).pixel_values[0]
        torch.testing.assert_close(small, torch.full((3, edge, edge), 7.0))
    stripes = (torch.arange(64) % 2).float().expand(3, 64, 64)
    grey = processor(stripes, size={"height": 16, "width": 16}).pixel_values[0]
    assert (grey - 0.5).abs().max() < 0.05


def test_the_first_files_rescale_by_another_name() -> None:
    for kind in (OwlViTImageProcessor, Owlv2ImageProcessor):
        assert kind(rescale=False).do_rescale is False
        assert "rescale" not in kind(rescale=True).to_dict()


def test_boxes_are_in_pixels_of_the_picture_or_of_its_square() -> None:
    outputs = SimpleNamespace(
        logits=torch.tensor([[[3.0, 1.0], [-9.0, -9.0]]]),
        pred_boxes=torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.5, 0.5, 1.0, 1.0]]]),
    )
    sizes = [(50, 100)]
    (stretched,) = OwlViTImageProcessor().post_process_object_detection(outputs, 0.1, sizes)
    (padded,) = Owlv2ImageProcessor().post_process_object_detection(outputs, 0.1, sizes)
    assert stretched["labels"].tolist() == padded["labels"].tolist() == [0]
    assert stretched["boxes"].round().tolist() == [[40, 15, 60, 35]]
    assert padded["boxes"].round().tolist() == [[40, 30, 60, 70]]


def test_where_nothing_fits_the_query_image_there_is_nothing() -> None:
    outputs = SimpleNamespace(
        logits=torch.tensor([[[-200.0]], [[2.0]]]),
        target_pred_boxes=torch.tensor([[[0.5, 0.5, 0.2, 0.4]], [[0.5, 0.5, 0.2, 0.4]]]),
    )
    found = OwlViTImageProcessor().post_process_image_guided_detection(outputs)
    assert [len(one["scores"]) for one in found] == [0, 1]


def test_texts_are_as_many_for_each_image() -> None:
    assert as_many_for_each(["a", "b"]) == (["a", "b"], [])
    texts, absent = as_many_for_each([["a", "b", "c"], [], ["d"]])
    assert texts == ["a", "b", "c", " ", " ", " ", "d", " ", " "]
    assert absent == [3, 4, 5, 7, 8]
    with pytest.raises(InputError, match="no text to look for"):
        as_many_for_each([[], []])


def test_a_processor_pads_texts_and_leaves_out_those_that_are_absent() -> None:
    tokenizer = CLIPTokenizer().train_new_from_iterator(["a cat", "a dog"], 60)
    tokenizer.model_max_length = 16
    processor = OwlViTProcessor(OwlViTImageProcessor(size={"height": 8, "width": 8}), tokenizer)
    images = [torch.zeros(3, 9, 9).byte(), torch.zeros(3, 7, 5).byte()]
    found = processor(images=images, text=[["a cat"], ["a dog", "a cat"]])
    assert found["input_ids"].shape == (4, 16)
    assert found["pixel_values"].shape == (2, 3, 8, 8)
    assert not found["input_ids"][1].any()
    assert torch.equal(found["input_ids"][0], found["input_ids"][3])
    shown = processor(images=images, query_images=images, text="a cat")
    assert set(shown) == {"query_pixel_values", "pixel_values"}
