"""Faults in what is said of each place in a picture: feature maps, depths, classes of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_core.configuration import BackboneConfigMixin
from automodel_core.modeling import BackboneMixin
from automodel_dinov2 import modeling as dinov2
from automodel_dpt import modeling as dpt
from automodel_maskformer import modeling as maskformer
from automodel_maskformer.losses import MaskCriterion
from automodel_swin2sr import modeling as swin2sr
from support.seeded_faults.seed import after_forward, around, seen


@seen("dinov2", "maps_are_those_of_their_stages-backbone")
def maps_are_those_of_the_next_stage(patch: pytest.MonkeyPatch) -> None:
    """A backbone gives the map of the stage before the chosen one."""

    def earlier(self: Any, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(maps[max(index - 1, 0)] for index in self.stage_numbers)

    def numbers(self: Any) -> list[int]:
        return [max(index % len(self.stage_names) - 1, 0) for index in self.out_indices]

    patch.setattr(BackboneMixin, "chosen_maps", earlier)
    patch.setattr(BackboneMixin, "stage_numbers", property(numbers))


@seen("dinov2", "maps_are_those_of_their_stages-backbone")
def channels_are_those_of_the_image(patch: pytest.MonkeyPatch) -> None:
    """A backbone says another number of channels than its maps have."""
    patch.setattr(BackboneMixin, "channels", property(lambda self: [3] * len(self.out_features)))


@seen("dinov2", "maps_are_those_of_their_stages-backbone")
def numbers_do_not_follow_names(patch: pytest.MonkeyPatch) -> None:
    """To choose stages by name leaves their numbers as they were."""

    def change(original: Any, self: Any, features: Any, indices: Any) -> None:
        before = vars(self).get("out_indices")
        original(self, features, indices)
        if indices is None and before is not None:
            vars(self)["out_indices"] = before

    around(patch, BackboneConfigMixin, "set_output_features_output_indices", change)


@seen("dinov2", "stages_out_of_order_are_refused-backbone")
def stages_are_sorted_in_silence(patch: pytest.MonkeyPatch) -> None:
    """Stages out of order are sorted, and the caller's maps come in another order."""

    def change(original: Any, self: Any, features: Any, indices: Any) -> None:
        count = len(self.stage_names)
        original(self, features, sorted({i % count for i in indices}) if indices else indices)

    around(patch, BackboneConfigMixin, "set_output_features_output_indices", change)


@seen("dinov2", "chosen_maps_survive_files-backbone")
def the_choice_of_maps_is_not_written(patch: pytest.MonkeyPatch) -> None:
    """Files do not say which maps a backbone gives."""

    def change(original: Any, self: Any) -> Any:
        values = original(self)
        return {k: v for k, v in values.items() if k not in ("out_features", "out_indices")}

    around(patch, BackboneConfigMixin, "to_dict", change)


@seen("dinov2", "a_backbone_loads_its_bodys_checkpoint-backbone")
def a_backbone_has_names_of_its_own(patch: pytest.MonkeyPatch) -> None:
    """The weights of a backbone have other names than those of its body, and are drawn anew."""
    patch.setattr(dinov2.Dinov2Backbone, "optional_weights", ("embed", "stack", "norm"))
    names = dinov2.dinov2_names

    def trunk(cls: Any, config: Any) -> Any:
        return names("", "", config.use_swiglu_ffn).nested("trunk", "")

    patch.setattr(dinov2.Dinov2Backbone, "weight_names", classmethod(trunk))


@seen("dpt", "depths_lie_over_the_picture-depth-estimation")
def depths_are_turned(patch: pytest.MonkeyPatch) -> None:
    """Height and width of the depths are exchanged."""

    def change(output: Any, **_: Any) -> None:
        output.predicted_depth = output.predicted_depth.transpose(1, 2)

    after_forward(patch, dpt.DPTForDepthEstimation, change)


@seen("dpt", "loss_is_the_mean_of_the_labelled_pixels-semantic-segmentation")
def unlabelled_pixels_are_background(patch: pytest.MonkeyPatch) -> None:
    """Pixels that have no label count as the first class."""

    def change(original: Any, logits: Any, labels: Any, ignore_index: int) -> Any:
        return original(logits, labels.where(labels != ignore_index, 0), ignore_index)

    around(patch, dpt.modeling, "pixel_class_loss", change)


@seen("dpt", "loss_is_that_of_the_pixels_scores-semantic-segmentation")
def classes_of_pixels_are_learnt_twice_as_fast(patch: pytest.MonkeyPatch) -> None:
    """The loss of pixels is of scaled scores."""

    def change(original: Any, logits: Any, labels: Any, ignore_index: int) -> Any:
        return original(logits * 2, labels, ignore_index)

    around(patch, dpt.modeling, "pixel_class_loss", change)


@seen("dpt", "gradients_reach_every_weight-depth-estimation")
def a_weight_that_is_read_is_frozen(patch: pytest.MonkeyPatch) -> None:
    """A weight is frozen that the output depends on."""

    def change(original: Any, self: Any, config: Any) -> None:
        original(self, config)
        self.head.requires_grad_(False)

    around(patch, dpt.DPTForDepthEstimation, "__init__", change)


@seen("swin2sr", "made_images_lie_over_the_picture-image-to-image")
def made_images_are_turned(patch: pytest.MonkeyPatch) -> None:
    """Height and width of the images that are made are exchanged."""

    def change(output: Any, **_: Any) -> None:
        output.reconstruction = output.reconstruction.transpose(2, 3)

    after_forward(patch, swin2sr.Swin2SRForImageSuperResolution, change)


@seen("swin2sr", "images_as_made_cost_nothing-image-to-image")
def images_learn_their_negatives(patch: pytest.MonkeyPatch) -> None:
    """The loss of images falls the further they are from those that are wanted."""
    patch.setattr(swin2sr, "pixel_loss", lambda pixels, labels: -(pixels - labels).abs().mean())


@seen("maskformer", "objects_have_no_order-instance-segmentation")
def objects_go_to_queries_in_their_order(patch: pytest.MonkeyPatch) -> None:
    """The first object goes to the first query, whatever that shows."""

    def matched(self: Any, classes: Any, masks: Any, targets: Any) -> Any:
        counts = [torch.arange(len(each["masks"])) for each in targets]
        return [(count, count) for count in counts]

    patch.setattr(MaskCriterion, "matched", matched)


@seen("maskformer", "what_an_object_is_matters-instance-segmentation")
def masks_of_labels_are_not_read(patch: pytest.MonkeyPatch) -> None:
    """Whatever masks are wanted, empty ones are learnt."""

    def change(original: Any, masks: Any, classes: Any, images: Any) -> Any:
        return original([each * 0 for each in masks], classes, images)

    around(patch, maskformer, "targets_of", change)


@seen("maskformer", "what_an_object_is_matters-instance-segmentation")
def every_object_is_of_one_class(patch: pytest.MonkeyPatch) -> None:
    """Whatever classes are wanted, the first is learnt."""

    def change(original: Any, masks: Any, classes: Any, images: Any) -> Any:
        return original(masks, [each * 0 for each in classes], images)

    around(patch, maskformer, "targets_of", change)
