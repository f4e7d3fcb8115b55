"""MaskFormer alone: from pictures to segments, what is learnt, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import (
    AutoModelForInstanceSegmentation,
    AutoModelForUniversalSegmentation,
    pipeline,
)
from automodel_core.errors import ConfigurationError, InputError
from automodel_maskformer import (
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
)

TINY: dict[str, Any] = {**MaskFormerConfig.small_model, "num_labels": 3}
THRESHOLDS = ("threshold", "mask_threshold", "overlap_mask_area_threshold")
IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def drawn(**settings: Any) -> Any:
    torch.manual_seed(0)
    return MaskFormerForInstanceSegmentation(MaskFormerConfig(**{**TINY, **settings})).eval()


def test_masks_are_learned() -> None:
    """An image without objects is learnt too."""
    model = drawn().train()
    mask = torch.zeros(1, 64, 96)
    mask[:, 16:48, 32:64] = 1
    labels: dict[str, Any] = {
        "mask_labels": [mask, mask[:0]],
        "class_labels": [torch.tensor([2]), torch.tensor([], dtype=torch.long)],
    }
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        output = model(IMAGES, **labels)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(output.loss.item())
    assert losses[-1] < losses[0] / 2
    with pytest.raises(InputError, match="1 mask_labels and 2 class_labels were given for 2"):
        model(IMAGES, mask_labels=[mask], class_labels=labels["class_labels"])
    with pytest.raises(InputError, match="expected \\(objects, height, width\\) and \\(objects,"):
        model(IMAGES, mask_labels=[mask, mask], class_labels=labels["class_labels"])


def test_from_pictures_to_segments(tmp_path: Any) -> None:
    drawn().save_pretrained(tmp_path)
    MaskFormerImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(
        tmp_path
    )
    for auto_class in (AutoModelForInstanceSegmentation, AutoModelForUniversalSegmentation):
        model: Any = auto_class.from_pretrained(tmp_path)
        assert type(model) is MaskFormerForInstanceSegmentation
    processor = MaskFormerImageProcessor.from_pretrained(tmp_path)
    pictures = [torch.zeros(3, 40, 60).byte(), torch.full((3, 60, 40), 200).byte()]
    together = processor(pictures, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**together)
    sizes = [(40, 60), (60, 40)]
    found = processor.post_process_semantic_segmentation(
        outputs, sizes, pixel_mask=together["pixel_mask"]
    )
    assert [tuple(each.shape) for each in found] == sizes
    answers: Any = pipeline("image-segmentation", model=str(tmp_path))
    for subtask in ("panoptic", "instance", "semantic"):
        thresholds = dict.fromkeys(THRESHOLDS, 0.0)
        found = answers(pictures, subtask=subtask, **thresholds)
        assert found[0] or subtask == "instance"
        for size, segments in zip(sizes, found, strict=True):
            assert all(one["mask"].size == size[::-1] for one in segments)
            assert {one["label"] for one in segments} <= set(model.config.id2label.values())


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="give pixel_values"):
        drawn()()
    with pytest.raises(ConfigurationError, match="no multiple of 32"):
        drawn(fpn_feature_size=48)
    one_map = {**TINY["backbone_config"], "out_indices": [4]}
    with pytest.raises(ConfigurationError, match="name 1"):
        drawn(backbone_config=one_map)
    with pytest.raises(ConfigurationError, match="by 'detr' only"):
        MaskFormerConfig(**{**TINY, "decoder_config": TINY["backbone_config"]})
    with pytest.raises(ConfigurationError, match="'resnet-50' names a checkpoint"):
        MaskFormerConfig(backbone="resnet-50", backbone_config=None)


def test_two_configurations_make_one() -> None:
    parts = [MaskFormerConfig(**TINY).parts()[f"{name}_config"] for name in ("backbone", "decoder")]
    whole = MaskFormerConfig.from_backbone_and_decoder_configs(*parts, mask_weight=3.0)
    assert (whole.mask_weight, whole.decoder_config.num_queries) == (3.0, 5)
    assert (whole.hidden_size, whole.num_hidden_layers) == (256, 1)
