"""The image processors equal the reference's: images, maps, post-processing, files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from automodel_core import AutoImageProcessor
from automodel_maskformer import Mask2FormerImageProcessor, MaskFormerImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.mask2former.image_processing_pil_mask2former import (
        Mask2FormerImageProcessorPil as Reference2,
    )
    from transformers.models.maskformer.image_processing_pil_maskformer import (
        MaskFormerImageProcessorPil as Reference,
    )
else:
    from transformers import (
        Mask2FormerImageProcessor as Reference2,
        MaskFormerImageProcessor as Reference,
    )

Kinds = tuple[Any, Any]

SMALL = {"size": {"shortest_edge": 40, "longest_edge": 66}}
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": SMALL,
    "ignored": {**SMALL, "ignore_index": 2},
    "reduced": {**SMALL, "ignore_index": 255, "do_reduce_labels": True},
    "another multiple": {**SMALL, "size_divisor": 10, "ignore_index": 0, "num_labels": 7},
    "a fixed size": {"size": {"height": 30, "width": 50}, "do_normalize": False},
    "as they are": {"do_resize": False, "do_rescale": False},
    "padded further": {**SMALL, "pad_size": {"height": 96, "width": 128}, "ignore_index": 255},
}
SHAPES = ((33, 47), (61, 30))


@pytest.fixture(params=["maskformer", "mask2former"])
def kinds(request: pytest.FixtureRequest) -> Kinds:
    """Return our class and the reference's."""
    if request.param == "maskformer":
        return MaskFormerImageProcessor, Reference
    return Mask2FormerImageProcessor, Reference2


def drawn(height: int, width: int) -> Any:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def a_map(height: int, width: int, first: int = 0) -> Any:
    """Return numbers from ``first`` to 5 in blocks."""
    blocks = np.random.default_rng(width).integers(first, 6, (4, 5), dtype=np.uint8)
    return blocks.repeat(-(-height // 4), 0).repeat(-(-width // 5), 1)[:height, :width]


def assert_same(found: Any, expected: Any, note: object) -> None:
    """Compare features; what lies outside of an image belongs to no mask, and is 0 here."""
    assert found.keys() == expected.keys(), note
    for key, value in expected.items():
        assert len(found[key]) == len(value), note
        for number, (ours, theirs) in enumerate(zip(found[key], value, strict=True)):
            theirs = torch.as_tensor(theirs)
            if key == "mask_labels":
                shown = torch.as_tensor(expected["pixel_mask"][number]).bool()
                assert not ours[:, ~shown].any(), note
                height, width = theirs.shape[1:]  # version 4 knows no pad_size here
                ours, theirs = ours[:, shown], theirs[:, shown[:height, :width]]
            torch.testing.assert_close(torch.as_tensor(ours), theirs, msg=f"{note} {key}")


@pytest.mark.parametrize("name", SETTINGS)
def test_images_and_maps(name: str, kinds: Kinds) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in kinds)
    images, maps = [drawn(*shape) for shape in SHAPES], [a_map(*shape) for shape in SHAPES]
    for kind in ("pt", "np"):
        expected = theirs(images, return_tensors=kind)
        assert_same(ours(images, return_tensors=kind), expected, name)
    ignored = SETTINGS[name].get("ignore_index", 9)  # the reference pads masks with it
    found, expected = (
        each(images, maps, ignore_index=ignored, return_tensors="pt") for each in (ours, theirs)
    )
    assert_same(found, expected, name)


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("one_table", [False, True])
def test_instances_have_classes(reduced: bool, one_table: bool) -> None:
    settings = {**SMALL, "ignore_index": 255, "do_reduce_labels": reduced}
    ours, theirs = (kind(**settings) for kind in (MaskFormerImageProcessor, Reference))
    images, maps = [drawn(*shape) for shape in SHAPES], [a_map(*shape, 1) for shape in SHAPES]
    tables: Any = [{number: number % 3 + 1 for number in range(6)}, dict.fromkeys(range(6), 2)]
    tables = tables[0] if one_table else tables
    found, expected = (
        each(images, maps, instance_id_to_semantic_id=tables, return_tensors="pt")
        for each in (ours, theirs)
    )
    assert_same(found, expected, tables)


@pytest.mark.skipif(IS_5, reason="5 has neither")
def test_inputs_are_padded_and_encoded(kinds: Kinds) -> None:
    ours, theirs = (kind() for kind in kinds)
    images = [drawn(*shape).transpose(2, 0, 1).astype(np.float32) for shape in SHAPES]
    maps = [a_map(*shape) for shape in SHAPES]
    for more in ({}, {"pad_size": {"height": 70, "width": 60}}, {"return_pixel_mask": False}):
        assert_same(
            ours.pad(images, return_tensors="pt", **more),
            theirs.pad(images, return_tensors="pt", **more),
            more,
        )
    options: dict[str, Any] = {"ignore_index": 3, "return_tensors": "pt"}
    expected = theirs.encode_inputs(images, maps, **options)
    assert_same(ours.encode_inputs(images, maps, **options), expected, "encoded")


def outputs(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return SimpleNamespace(
        class_queries_logits=6 * torch.rand(2, 9, 5, generator=generator),
        masks_queries_logits=8 * torch.rand(2, 9, 12, 15, generator=generator) - 4,
    )


def assert_same_segments(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["segments_info"] == theirs["segments_info"]
        if isinstance(theirs["segmentation"], Tensor):
            assert torch.equal(ours["segmentation"], theirs["segmentation"])
            assert ours["segmentation"].dtype == theirs["segmentation"].dtype
        else:
            runs = [[int(number) for number in runs] for runs in theirs["segmentation"]]
            assert ours["segmentation"] == runs


@pytest.mark.parametrize("sizes", [None, [(40, 60), (31, 7)], [(5, 4), (1, 9)]])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.95])
def test_post_processing(sizes: Any, threshold: float, kinds: Kinds) -> None:
    ours, theirs = (kind() for kind in kinds)
    for seed in range(2):
        given = outputs(seed)
        maps = ours.post_process_semantic_segmentation(given, sizes)
        for one, other in zip(
            maps, theirs.post_process_semantic_segmentation(given, sizes), strict=True
        ):
            assert torch.equal(one, other)
        options: dict[str, Any] = {"threshold": threshold, "target_sizes": sizes}
        expected = theirs.post_process_instance_segmentation(given, **options)
        assert_same_segments(ours.post_process_instance_segmentation(given, **options), expected)
        for form in ("return_coco_annotation", "return_binary_maps"):
            found = ours.post_process_instance_segmentation(given, **options, **{form: True})
            wanted = theirs.post_process_instance_segmentation(given, **options, **{form: True})
            if form == "return_binary_maps":  # of no instance, the reference returns another map
                kept = [bool(each["segments_info"]) for each in wanted]
                found = [each for each, there in zip(found, kept, strict=True) if there]
                wanted = [each for each, there in zip(wanted, kept, strict=True) if there]
            assert_same_segments(found, wanted)
        options["overlap_mask_area_threshold"] = 0.3
        # Behind fused labels the reference gives numbers away a second time.
        expected = theirs.post_process_panoptic_segmentation(
            given, **options, label_ids_to_fuse=set()
        )
        assert_same_segments(ours.post_process_panoptic_segmentation(given, **options), expected)


@pytest.mark.skipif(IS_5, reason="5 has it no more")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_votes_of_queries() -> None:
    for size in (None, (31, 20)):
        found = MaskFormerImageProcessor().post_process_segmentation(outputs(0), size)
        torch.testing.assert_close(found, Reference().post_process_segmentation(outputs(0), size))


def test_scores_of_pixels(kinds: Kinds) -> None:
    if not IS_5:
        pytest.skip("4 does not return them")
    options = {"target_sizes": [(40, 60), (31, 20)], "return_segmentation_scores": True}
    found, expected = (
        kind().post_process_semantic_segmentation(outputs(0), **options) for kind in kinds
    )
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.segmentation, other.segmentation)
        torch.testing.assert_close(one.segmentation_scores, other.segmentation_scores)


@pytest.mark.filterwarnings("ignore:The following named arguments are not valid:UserWarning")
def test_old_files_and_files_both_ways(tmp_path: Path, kinds: Kinds) -> None:
    kind, reference = kinds
    theirs = reference(**SETTINGS["reduced"])
    theirs.save_pretrained(tmp_path)
    model_type = kind.__name__.removesuffix("ImageProcessor").lower()
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    found = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(found) is kind
    images, maps = [drawn(*shape) for shape in SHAPES], [a_map(*shape) for shape in SHAPES]
    expected = theirs(images, maps, return_tensors="pt")
    assert_same(found(images, maps, return_tensors="pt"), expected, "theirs")
    found.save_pretrained(tmp_path)
    again = reference.from_pretrained(tmp_path)
    assert_same(
        found(images, maps, return_tensors="pt"), again(images, maps, return_tensors="pt"), "ours"
    )
    old = {
        "feature_extractor_type": "MaskFormerFeatureExtractor", "size": 40, "max_size": 66,
        "size_divisibility": 32, "reduce_labels": True, "ignore_index": 255,
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    read = AutoImageProcessor.from_pretrained(tmp_path)
    assert (read.size, read.do_reduce_labels) == (SMALL["size"], True)
    assert_same(read(images, maps, return_tensors="pt"), expected, "old")
