"""Both models alone: from pictures to segments, what is learnt, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import (
    AutoImageProcessor,
    AutoModelForInstanceSegmentation,
    AutoModelForUniversalSegmentation,
    pipeline,
)
from automodel_core.errors import ConfigurationError, InputError
from automodel_maskformer import (
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessor,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
)

TINY: dict[str, Any] = {**MaskFormerConfig.small_model, "num_labels": 3}
THRESHOLDS = ("threshold", "mask_threshold", "overlap_mask_area_threshold")
IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


TINY_2: dict[str, Any] = {**Mask2FormerConfig.small_model, "num_labels": 3}


def drawn(**settings: Any) -> Any:
    torch.manual_seed(0)
    return MaskFormerForInstanceSegmentation(MaskFormerConfig(**{**TINY, **settings})).eval()


def drawn_2(**settings: Any) -> Any:
    torch.manual_seed(0)
    return Mask2FormerForUniversalSegmentation(Mask2FormerConfig(**{**TINY_2, **settings})).eval()


@pytest.mark.parametrize("new", [drawn, drawn_2])
def test_masks_are_learned(new: Any) -> None:
    """An image without objects is learnt too."""
    model = new().train()
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


INSTANCES, ALL = AutoModelForInstanceSegmentation, AutoModelForUniversalSegmentation


@pytest.mark.parametrize(
    ("new", "kind", "auto_classes"),
    [
        (drawn, MaskFormerImageProcessor, (INSTANCES, ALL)),
        (drawn_2, Mask2FormerImageProcessor, (ALL,)),
    ],
)
def test_from_pictures_to_segments(new: Any, kind: Any, auto_classes: Any, tmp_path: Any) -> None:
    new().save_pretrained(tmp_path)
    kind(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(tmp_path)
    for auto_class in auto_classes:
        model: Any = auto_class.from_pretrained(tmp_path)
        assert type(model) is type(new())
    processor: Any = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is kind
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
    with pytest.raises(InputError, match="give pixel_values"):
        drawn_2()()
    three_maps = {**TINY["backbone_config"], "out_indices": [3, 4]}
    with pytest.raises(ConfigurationError, match="backbone_config name 2"):
        drawn_2(backbone_config=three_maps)
    for wrong, message in (
        ({"feature_size": 48}, "no multiple of 32"),
        ({"hidden_dim": 33}, "hidden_dim=33 is no multiple of num_attention_heads=2"),
        ({"common_stride": 16}, "common_stride=16 is coarser"),
        ({"oversample_ratio": 0.5}, "asks for more points than oversample_ratio=0.5"),
        ({"backbone": "resnet-50", "backbone_config": None}, "'resnet-50' names a checkpoint"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            Mask2FormerConfig(**{**TINY_2, **wrong})


def test_two_configurations_make_one() -> None:
    parts = [MaskFormerConfig(**TINY).parts()[f"{name}_config"] for name in ("backbone", "decoder")]
    whole = MaskFormerConfig.from_backbone_and_decoder_configs(*parts, mask_weight=3.0)
    assert (whole.mask_weight, whole.decoder_config.num_queries) == (3.0, 5)
    assert (whole.hidden_size, whole.num_hidden_layers) == (256, 1)
    parts = Mask2FormerConfig(**TINY_2).parts()
    whole_2 = Mask2FormerConfig.from_backbone_config(parts["backbone_config"], decoder_layers=3)
    assert (whole_2.num_hidden_layers, whole_2.backbone_config.model_type) == (3, "resnet")
    assert Mask2FormerConfig().backbone_config.depths == [2, 2, 18, 2]


def test_places_are_drawn_anew_with_each_loss() -> None:
    model = drawn_2()
    labels: dict[str, Any] = {
        "mask_labels": [torch.ones(1, 64, 96).tril()] * 2,
        "class_labels": [torch.tensor([2])] * 2,
    }
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(model(IMAGES, **labels).loss.item())
    assert losses[0] == losses[1] != losses[2]
    torch.manual_seed(0)
    halved = model.bfloat16()(IMAGES.bfloat16(), **labels)
    assert halved.loss.dtype == torch.float32
    assert halved.loss.item() == pytest.approx(losses[0], rel=0.1)


def test_states_of_queries_come_first_by_query() -> None:
    model = drawn_2()
    with torch.no_grad():
        before = model(IMAGES, output_hidden_states=True, output_attentions=True)
    assert len(before.transformer_decoder_hidden_states) == TINY_2["decoder_layers"]
    assert len(before.attentions) == TINY_2["decoder_layers"] - 1
    assert before.attentions[0].shape == (2, 2, 5, 5)
    assert before.transformer_decoder_hidden_states[0].shape == (5, 2, 32)
