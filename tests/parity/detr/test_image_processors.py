"""The image processor equals the reference's: images, annotations, post-processing, files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core import AutoImageProcessor
from automodel_detr import DetrImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.detr.image_processing_pil_detr import (
        DetrImageProcessorPil as Reference,
    )
else:
    from transformers import DetrImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {"size": {"shortest_edge": 40, "longest_edge": 66}},
    "boxes in pixels": {
        "size": {"height": 30, "width": 50}, "do_normalize": False, "do_convert_annotations": False,
    },
    "not padded": {"size": {"shortest_edge": 30, "longest_edge": 90}, "do_pad": False},
    "as they are": {"do_resize": False},
    "padded further": {
        "size": {"shortest_edge": 24, "longest_edge": 60}, "pad_size": {"height": 64, "width": 80},
    },
}  # fmt: skip
SHAPES = ((33, 47), (61, 38))


def drawn(height: int, width: int) -> Any:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def annotations() -> list[dict[str, Any]]:
    first = [
        {"category_id": 3, "bbox": [2.5, 2, 14, 20], "area": 200.0, "iscrowd": 0, "id": 1},
        {"category_id": 0, "bbox": [20, 5, 99, 30.5], "area": 80.0, "iscrowd": 0, "id": 2},
        {"category_id": 1, "bbox": [0, 0, 9, 9], "area": 9.0, "iscrowd": 1, "id": 3},
        {"category_id": 1, "bbox": [47, 0, 9, 9], "area": 9.0, "iscrowd": 0, "id": 4},
    ]
    return [{"image_id": 17, "annotations": first}, {"image_id": 18, "annotations": []}]


def assert_same(found: Any, expected: Any, note: object) -> None:
    assert found.keys() == expected.keys(), note
    for key, value in expected.items():
        if key == "labels":
            for ours, theirs in zip(found[key], value, strict=True):
                sizes = {"size"} if not IS_5 or "size" not in theirs else set()
                assert ours.keys() - sizes == theirs.keys() - sizes, note
                for name, number in theirs.items():
                    torch.testing.assert_close(
                        ours[name], torch.as_tensor(number), msg=f"{note} {name}", check_dtype=False
                    )
        else:
            theirs = value if isinstance(value, list) else list(value)
            for one, other in zip(found[key], theirs, strict=True):
                torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other), msg=key)


@pytest.mark.parametrize("name", SETTINGS)
def test_images_and_annotations(name: str) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in (DetrImageProcessor, Reference))
    images = [drawn(*shape) for shape in SHAPES]
    if name == "as they are":
        images[1] = images[0]
    kind = None if name == "not padded" else "pt"
    expected = theirs(images, annotations=annotations(), return_tensors=kind)
    assert_same(ours(images, annotations(), return_tensors=kind), expected, name)
    expected = theirs(images[0], annotations=annotations()[0], return_tensors="pt")
    assert_same(ours(images[0], annotations()[0], return_tensors="pt"), expected, name)


@pytest.mark.parametrize("masks", [True, False])
def test_panoptic_annotations(tmp_path: Path, masks: bool) -> None:
    colours = np.zeros((33, 47, 3), dtype=np.uint8)
    colours[2:18, 3:30] = (5, 1, 0)
    colours[20:, 15:] = (0, 0, 1)
    Image.fromarray(colours).save(tmp_path / "1.png")
    infos = [
        {"id": 261, "category_id": 2, "iscrowd": 0, "area": 36},
        {"id": 65536, "category_id": 9, "iscrowd": 1, "area": 12},
    ]
    given = {"image_id": 4, "file_name": "1.png", "segments_info": infos}
    settings = {"size": {"shortest_edge": 40, "longest_edge": 66}, "format": "coco_panoptic"}
    ours, theirs = (kind(**settings) for kind in (DetrImageProcessor, Reference))
    found, expected = (
        each(drawn(33, 47), annotations=given, masks_path=tmp_path, return_segmentation_masks=masks,
             return_tensors="pt")
        for each in (ours, theirs)
    )  # fmt: skip
    assert_same(found, expected, masks)


def outputs(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return SimpleNamespace(
        logits=6 * torch.rand(2, 9, 5, generator=generator),
        pred_boxes=torch.rand(2, 9, 4, generator=generator),
        pred_masks=8 * torch.rand(2, 9, 12, 15, generator=generator) - 4,
    )


@pytest.mark.parametrize("sizes", [None, [(40, 60), (31, 20)]])
def test_post_processing(sizes: Any) -> None:
    ours, theirs = DetrImageProcessor(), Reference()
    for seed in range(3):
        given = outputs(seed)
        for threshold in (0.3, 0.9):
            expected = theirs.post_process_object_detection(given, threshold, sizes)
            found = ours.post_process_object_detection(given, threshold, sizes)
            for one, other in zip(found, expected, strict=True):
                for key, value in other.items():
                    torch.testing.assert_close(one[key], value)
        maps = ours.post_process_semantic_segmentation(given, sizes)
        for one, other in zip(
            maps, theirs.post_process_semantic_segmentation(given, sizes), strict=True
        ):
            assert torch.equal(one, other)
        for coco in (False, True):
            options = {"threshold": 0.3, "overlap_mask_area_threshold": 0.3, "target_sizes": sizes}
            options |= {"return_coco_annotation": coco}
            expected = theirs.post_process_instance_segmentation(given, **options)
            found = ours.post_process_instance_segmentation(given, **options)
            for one, other in zip(found, expected, strict=True):
                assert one["segments_info"] == other["segments_info"]
                if coco:
                    assert one["segmentation"] == [
                        list(map(int, each)) for each in other["segmentation"]
                    ]
                else:
                    assert torch.equal(one["segmentation"], other["segmentation"])


def test_all_queries_as_version_4_returned_them() -> None:
    given, sizes = outputs(0), torch.tensor([(40, 60), (31, 20)])
    ours = DetrImageProcessor()
    with pytest.warns(FutureWarning, match="post_process_object_detection"):
        found = ours.post_process(given, sizes)
    assert [len(one["scores"]) for one in found] == [9, 9]
    if not IS_5:
        for one, other in zip(found, Reference().post_process(given, sizes), strict=True):
            for key, value in other.items():
                torch.testing.assert_close(one[key], value)


@pytest.mark.skipif(IS_5, reason="gone in version 5")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:TypedStorage:UserWarning")
@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9999])
def test_masks_as_version_4_returned_them(threshold: float) -> None:
    ours, theirs = DetrImageProcessor(), Reference()
    sizes, seen = torch.tensor([(40, 60), (31, 20)]), torch.tensor([(24, 36), (31, 20)])
    for seed in range(3):
        given = outputs(seed)
        given.pred_masks[1, 3:] = given.pred_masks[1, :1] - 1  # which show nothing
        found, expected = (
            each.post_process_segmentation(given, sizes, threshold) for each in (ours, theirs)
        )
        for one, other in zip(found, expected, strict=True):
            for key, value in other.items():
                torch.testing.assert_close(one[key], value)
        masks = [
            each.post_process_instance(each.post_process(given, sizes), given, sizes, seen)
            for each in (ours, theirs)
        ]
        for one, other in zip(*masks, strict=True):
            assert torch.equal(one["masks"], other["masks"])
        for more in ({}, {"target_sizes": sizes}, {"is_thing_map": {0: True, 1: 0, 2: 0, 3: 1}}):
            options = {"threshold": threshold, **more}
            found, expected = (
                each.post_process_panoptic(given, seen, **options) for each in (ours, theirs)
            )
            assert found == expected


def test_old_files_and_files_both_ways(tmp_path: Path) -> None:
    theirs = Reference(size={"shortest_edge": 32, "longest_edge": 50})
    theirs.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "detr"}')
    found = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(found) is DetrImageProcessor
    images = [drawn(*shape) for shape in SHAPES]
    expected = theirs(images, return_tensors="pt")
    assert_same(found(images, return_tensors="pt"), expected, "theirs")
    found.save_pretrained(tmp_path)
    again = Reference.from_pretrained(tmp_path)
    assert_same(found(images, return_tensors="pt"), again(images, return_tensors="pt"), "ours")
    old = DetrImageProcessor(size=32, max_size=50, pad_and_return_pixel_mask=True)
    assert old.size == {"shortest_edge": 32, "longest_edge": 50}
    assert_same(old(images, return_tensors="pt"), expected, "old")
