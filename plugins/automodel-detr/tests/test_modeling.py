"""DETR alone: what old configurations mean, masks of pixels, labels, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import AutoModelForImageSegmentation, AutoModelForObjectDetection
from automodel_core.errors import ConfigurationError, InputError
from automodel_detr import (
    DetrConfig,
    DetrForObjectDetection,
    DetrForSegmentation,
    DetrImageProcessor,
    TableTransformerConfig,
)

BACKBONE: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16],
    "depths": [1, 1, 1, 1], "out_indices": [1, 2, 3, 4],
}  # fmt: skip
TINY: dict[str, Any] = {
    "backbone_config": BACKBONE, "num_queries": 5, "encoder_layers": 1, "encoder_ffn_dim": 24,
    "encoder_attention_heads": 8, "decoder_layers": 2, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "d_model": 64, "num_labels": 4,
}  # fmt: skip
IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def drawn(kind: Any, **settings: Any) -> Any:
    torch.manual_seed(0)
    return kind(kind.config_class(**{**TINY, **settings})).eval()


@pytest.mark.parametrize("kind", [DetrConfig, TableTransformerConfig])
def test_what_old_configurations_call_their_backbone(kind: Any) -> None:
    plain = kind().backbone_config
    assert (plain.model_type, plain.depths, plain.out_indices) == (
        "resnet",
        [3, 4, 6, 3],
        [1, 2, 3, 4],
    )
    old = kind(backbone="resnet101", use_timm_backbone=True, use_pretrained_backbone=True)
    assert old.backbone_config.depths == [3, 4, 23, 3]
    dilated = kind(backbone="resnet50", dilation=True, backbone_kwargs={"in_chans": 1})
    assert (dilated.backbone_config.output_stride, dilated.backbone_config.num_channels) == (16, 1)
    of_five = {"model_type": "timm_backbone", "backbone": "resnet18", "out_indices": [3, 4]}
    newer = kind(backbone_config=of_five).backbone_config
    assert (newer.layer_type, newer.out_indices) == ("basic", [3, 4])
    own = kind(use_timm_backbone=False).backbone_config
    assert (own.model_type, own.out_features) == ("resnet", ["stage4"])
    with pytest.raises(ConfigurationError, match="'convnext_tiny' names a checkpoint"):
        kind(backbone="convnext_tiny")
    again = kind.from_dict(old.to_dict())
    assert again.backbone_config.to_dict() == old.backbone_config.to_dict()


def test_padding_is_not_seen() -> None:
    model = drawn(DetrForSegmentation)
    mask = torch.ones(2, 64, 96, dtype=torch.long)
    mask[1, :, 64:] = 0
    images = IMAGES.masked_fill(mask[:, None] == 0, 0.0)
    with torch.no_grad():
        together = model(images, mask)
        alone = model(images[1:, :, :, :64])
    torch.testing.assert_close(together.pred_boxes[1:], alone.pred_boxes, atol=1e-3, rtol=0)
    with pytest.raises(
        InputError, match=r"pixel_mask has shape \(2, 8, 8\), expected \(2, 64, 96\)"
    ):
        model(images, mask[:, :8, :8])


def test_frozen_layers() -> None:
    model = drawn(DetrForObjectDetection)
    names = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    assert names
    assert all(".backbone.stem." in name or ".backbone.stages.0." in name for name in names)
    assert not any("normalization" in name for name, _ in model.named_parameters())
    model.model.freeze_backbone()
    assert not any(weight.requires_grad for weight in model.model.backbone.parameters())
    model.model.unfreeze_backbone()
    assert all(weight.requires_grad for weight in model.model.backbone.parameters())


def test_objects_are_learned() -> None:
    model = drawn(DetrForObjectDetection, dropout=0.0).train()
    boxes = torch.tensor([[0.3, 0.3, 0.2, 0.4]])
    labels = [
        {"class_labels": torch.tensor([2]), "boxes": boxes},
        {"class_labels": torch.tensor([], dtype=torch.long), "boxes": torch.zeros(0, 4)},
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(25):
        output = model(IMAGES, labels=labels)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(output.loss.item())
    assert losses[-1] < losses[0] / 2
    assert set(output.loss_dict) == {"loss_ce", "loss_bbox", "loss_giou", "cardinality_error"}
    with pytest.raises(InputError, match="1 labels were given for 2 images"):
        model(IMAGES, labels=labels[:1])


def test_from_pictures_to_segments(tmp_path: Any) -> None:
    model = drawn(DetrForSegmentation)
    model.save_pretrained(tmp_path)
    DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(tmp_path)
    again: Any = AutoModelForImageSegmentation.from_pretrained(tmp_path)
    boxes: Any = AutoModelForObjectDetection.from_pretrained(tmp_path)
    assert type(boxes) is DetrForObjectDetection
    processor = DetrImageProcessor.from_pretrained(tmp_path)
    given = processor(
        [torch.zeros(3, 40, 60).byte(), torch.zeros(3, 60, 40).byte()], return_tensors="pt"
    )
    with torch.no_grad():
        output = again(**given)
        torch.testing.assert_close(boxes(**given).logits, output.logits)
    segments = processor.post_process_panoptic_segmentation(
        output, threshold=0.0, overlap_mask_area_threshold=0.0, target_sizes=[(40, 60), (60, 40)]
    )
    assert [tuple(each["segmentation"].shape) for each in segments] == [(40, 60), (60, 40)]
    found = processor.post_process_object_detection(output, 0.0, [(40, 60), (60, 40)])
    assert [len(each["scores"]) for each in found] == [5, 5]


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="give pixel_values"):
        drawn(DetrForObjectDetection)()
    with pytest.raises(ConfigurationError, match="multiple of 8"):
        drawn(DetrForSegmentation, encoder_attention_heads=4)
    with pytest.raises(ConfigurationError, match="four stages"):
        drawn(DetrForSegmentation, backbone_config={**BACKBONE, "out_indices": [3, 4]})
    with pytest.raises(ConfigurationError, match="not a multiple of 8 attention heads"):
        DetrConfig(d_model=60)
