"""SegFormer and GLPN alone: shapes, names on disk, older files, losses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core import AutoModelForSemanticSegmentation
from automodel_core.errors import InputError
from automodel_segformer import SegformerForSemanticSegmentation
from automodel_segformer.depth import log_depth_loss

Make = Callable[..., Any]
NEWER = {
    "encoder.patch_embeddings.": "stages.{}.patch_embeddings.",
    "encoder.layer_norm.": "stages.{}.layer_norm.",
    "encoder.block.": "stages.{}.blocks.",
}
NEWER_PARTS = {
    "attention.self.query": "attention.q_proj",
    "attention.self.key": "attention.k_proj",
    "attention.self.value": "attention.v_proj",
    "attention.self.sr": "attention.sequence_reduction.sequence_reduction",
    "attention.self.layer_norm": "attention.sequence_reduction.layer_norm",
    "attention.output.dense": "attention.o_proj",
    "mlp.dense1": "mlp.fc1",
    "mlp.dense2": "mlp.fc2",
    "layer_norm_1": "layernorm_before",
    "layer_norm_2": "layernorm_after",
    "linear_c": "linear_projections",
}


def newer_name(name: str) -> str:
    """Return what the reference of today calls a weight in memory."""
    for part, newer in NEWER_PARTS.items():
        name = name.replace(part, newer)
    for beginning, form in NEWER.items():
        before, found, after = name.partition(beginning)
        if found:
            stage, _, rest = after.partition(".")
            name = before + form.format(stage) + rest
    return name


@pytest.mark.parametrize(("height", "width"), [(64, 64), (70, 51), (32, 96)])
def test_maps_of_images_of_any_size(make: Make, height: int, width: int) -> None:
    images = torch.randn(1, 3, height, width)
    output = make("SegformerForSemanticSegmentation", num_labels=5)(
        images, output_hidden_states=True
    )
    sizes, edges = [], (height, width)
    for stride in (4, 2, 2, 2):
        edges = tuple(-(-edge // stride) for edge in edges)  # type: ignore[assignment]
        sizes.append(edges)
    assert [each.shape[2:] for each in output.hidden_states] == sizes
    assert output.logits.shape == (1, 5, *sizes[0])


def test_the_last_states_in_a_row_lead_to_the_same_scores(make: Make) -> None:
    """Whatever the shape of images; the reference takes the channels for the patches there."""
    images = torch.randn(2, 3, 48, 96)
    for name in ("SegformerForSemanticSegmentation", "SegformerForImageClassification"):
        model = make(name)
        expected = model(images, output_hidden_states=True)
        model.config.reshape_last_stage = False
        found = model(images, output_hidden_states=True)
        torch.testing.assert_close(found.logits, expected.logits)
        row = expected.hidden_states[-1].flatten(2).transpose(1, 2)
        assert torch.equal(found.hidden_states[-1], row)


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    names = set(make("SegformerForSemanticSegmentation").hub_state_dict())
    assert names >= {
        "decode_head.batch_norm.running_mean",
        "decode_head.classifier.bias",
        "decode_head.linear_c.3.proj.weight",
        "decode_head.linear_fuse.weight",
        "segformer.encoder.block.0.0.attention.self.sr.weight",
        "segformer.encoder.block.3.0.mlp.dwconv.dwconv.weight",
        "segformer.encoder.layer_norm.2.weight",
        "segformer.encoder.patch_embeddings.1.proj.bias",
    }
    assert not any(".attention.self.sr" in name for name in names if ".block.3." in name)
    names = set(make("GLPNForDepthEstimation").hub_state_dict())
    assert names >= {
        "decoder.stages.0.convolution.weight",
        "decoder.stages.3.fusion.convolutional_layer1.1.running_var",
        "glpn.encoder.block.1.0.attention.output.dense.weight",
        "head.head.2.bias",
    }
    assert not any(name.startswith("decoder.stages.0.fusion") for name in names)


@pytest.mark.parametrize("counts", [True, False])
def test_names_that_a_newer_model_has_in_memory_are_read(
    make: Make, images: Tensor, counts: bool
) -> None:
    model = make("SegformerForSemanticSegmentation")
    state = {newer_name(name): tensor for name, tensor in model.hub_state_dict().items()}
    assert "segformer.stages.1.blocks.0.attention.sequence_reduction.layer_norm.bias" in state
    if not counts:  # as in files that other tools wrote
        state.pop("decode_head.batch_norm.num_batches_tracked")
    again = SegformerForSemanticSegmentation.from_pretrained(
        None, config=model.config, state_dict=state
    )
    assert torch.equal(again(images).logits, model(images).logits)


def test_a_new_head_begins_as_a_new_model_does(make: Make, images: Tensor, tmp_path: Path) -> None:
    make("SegformerForImageClassification").save_pretrained(tmp_path)
    model = AutoModelForSemanticSegmentation.from_pretrained(tmp_path)
    norm = model.decode_head.batch_norm
    assert norm.weight.eq(1).all()
    assert norm.running_var.eq(1).all()
    assert not norm.running_mean.any()
    assert 0.015 < model.decode_head.linear_fuse.weight.std() < 0.025
    assert model(images).logits.isfinite().all()


def test_depths_lie_between_nothing_and_the_farthest(make: Make, images: Tensor) -> None:
    model = make("GLPNForDepthEstimation", max_depth=80)
    depths = model(images).predicted_depth
    assert depths.shape == (2, 64, 64)
    assert depths.min() >= 0
    assert 10 < depths.max() <= 80


def test_the_loss_of_depths_forgives_half_of_a_common_factor() -> None:
    truth = torch.rand(2, 4, 5) + 1.0
    truth[0, 0] = 0.0
    known = truth > 0
    for factor in (1.5, 3.0):
        found = log_depth_loss(torch.where(known, truth * factor, 1.0), truth)
        expected = torch.tensor(factor).log() * 0.5**0.5
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match=r"labels are depths \(2, 4, 5\)"):
        log_depth_loss(truth, truth[:, :2])
    with pytest.raises(InputError, match="no depth above zero"):
        log_depth_loss(truth, torch.zeros_like(truth))


def test_wrong_inputs_say_what_was_expected(make: Make, images: Tensor) -> None:
    model = make("SegformerForSemanticSegmentation", num_labels=3)
    with pytest.raises(InputError, match=r"must be \(batch, 3, height, width\), got None"):
        model()
    with pytest.raises(InputError, match=r"got \(2, 1, 64, 64\)"):
        model(images[:, :1])
    with pytest.raises(InputError, match=r"one class for each pixel, \(2, height, width\)"):
        model(images, labels=torch.zeros(2, dtype=torch.long))


def test_dropped_paths_differ_only_in_training(make: Make, images: Tensor) -> None:
    model = make("SegformerModel", drop_path_rate=0.9, depths=[2, 2, 2, 2])
    first, second = (model(images).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)
    model.train()
    first, second = (model(images).last_hidden_state for _ in range(2))
    assert not torch.equal(first, second)


def test_norms_are_torchs_whatever_the_file_says(make: Make) -> None:
    model = make("SegformerModel", layer_norm_eps=0.5)
    norms = [part for part in model.modules() if isinstance(part, nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {1e-5}
