"""Architectures that see images: pixels and labels for both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.images.patches import edges, patch_grid
from support.family import ROWS, Case, Family
from support.parity import IS_5

__all__ = ["AnySizeFamily", "ConvolutionalFamily", "ImageCase", "ImageFamily"]


@dataclass(frozen=True)
class ImageCase(Case):
    """A configuration, and the images that it is tried with.

    ``pixels`` are height and width where they are not the configuration's, ``masked`` says whether
    patches are hidden, which the reference can only where everything is square.
    """

    pixels: tuple[int, int] | None = None
    masked: bool = False


@dataclass(frozen=True)
class ImageFamily(Family):
    """An architecture whose heads see images, of other sizes if asked or always."""

    asks_to_interpolate: bool = True

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, ImageCase)
        settings = {**self.small, **case.settings}
        chance = torch.Generator().manual_seed(seed)
        pixels = case.pixels or edges(settings["image_size"])
        channels = settings.get("num_channels", 3)
        given: dict[str, Any] = {
            "pixel_values": torch.randn(rows, channels, *pixels, generator=chance)
        }
        if case.pixels is not None and self.asks_to_interpolate:
            given["interpolate_pos_encoding"] = True
        if case.masked and head.endswith("ForMaskedImageModeling"):
            height, width = patch_grid(pixels, settings["patch_size"])
            hidden = torch.rand(rows, height * width, generator=chance) < 0.4
            given["bool_masked_pos"] = hidden
        return given

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        """Return what a head learns from."""
        chance = torch.Generator().manual_seed(9)
        rows = len(given["pixel_values"])
        if head.endswith("ForSemanticSegmentation"):
            shape = (rows, *given["pixel_values"].shape[-2:])
            classes = torch.randint(0, max(config.num_labels, 2), shape, generator=chance)
            classes[:, :3, 1:] = config.semantic_loss_ignore_index
            return {"labels": classes}
        if not head.endswith("ForImageClassification"):
            return {}
        if config.problem_type == "multi_label_classification":
            return {"labels": torch.rand(rows, config.num_labels, generator=chance).round()}
        if config.num_labels == 1:
            return {"labels": torch.randn(rows, generator=chance)}
        return {"labels": torch.randint(0, config.num_labels, (rows,), generator=chance)}


@dataclass(frozen=True)
class AnySizeFamily(ImageFamily):
    """An architecture that takes images of any size, and normalises batches."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        chance = torch.Generator().manual_seed(seed + 1)
        for module in model.modules():
            if "BatchNorm" in type(module).__name__:
                module.running_mean.normal_(0.0, 0.3, generator=chance)
                module.running_var.uniform_(0.5, 1.5, generator=chance)
        return model

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, ImageCase)
        settings = {**self.small, **case.settings}
        shape = (rows, settings.get("num_channels", 3), *(case.pixels or (64, 64)))
        return {"pixel_values": torch.randn(shape, generator=torch.Generator().manual_seed(seed))}


@dataclass(frozen=True)
class ConvolutionalFamily(AnySizeFamily):
    """An architecture without attentions, which version 4 takes no wish to see."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        if not IS_5:
            forward = model.forward

            def blind(*given: Any, output_attentions: Any = None, **named: Any) -> Any:
                return forward(*given, **named)

            model.forward = blind
        return model
