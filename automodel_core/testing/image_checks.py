"""Checks of models that see images, and of what prepares them."""

from __future__ import annotations

import tempfile
from typing import Any

import torch

from automodel_core import AutoImageProcessor, registry
from automodel_core.errors import InputError
from automodel_core.testing.case import BATCH, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close
from automodel_core.testing.properties import interpolates

__all__ = ["IMAGE_CHECKS"]


def positions_fit_other_sizes(subject: Subject) -> None:
    """Images of another size are refused unless positions are interpolated, or need none."""
    model: Any = subject.model()
    usual = subject.example(model.config)
    expected = outputs(model, usual)
    for name, value in outputs(model, usual, interpolate_pos_encoding=True).items():
        require_close(value, expected[name], f"{name} at the usual size")
    higher = {**usual, "pixel_values": torch.cat([usual["pixel_values"]] * 2, dim=2)}
    interpolated = outputs(model, higher, interpolate_pos_encoding=True)
    for name, value in interpolated.items():
        require(torch.isfinite(value).all(), f"{name} is not finite for higher images")
    try:
        found = outputs(model, higher)
    except InputError:
        return
    for name, value in found.items():
        require_close(value, interpolated[name], f"{name} of higher images, not interpolated")


def image_processor_serves_the_model(subject: Subject) -> None:
    """The architecture's image processor survives its file, and makes what the model takes."""
    model: Any = subject.model()
    kind: Any = registry.resolve(str(subject.architecture.component("image_processor")))
    processor = kind()
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        processor.save_pretrained(folder)
        again = AutoImageProcessor.from_pretrained(folder)
    require(type(again) is type(processor), f"AutoImageProcessor makes a {type(again).__name__}")
    require(again.to_dict() == processor.to_dict(), "saving and loading changes its settings")
    expected = subject.pixels(model.config)
    height, width = expected.shape[-2:]
    image = torch.arange(expected.shape[1] * 12 * 15).view(-1, 12, 15).to(torch.uint8)
    prepared = again(
        [image] * BATCH,
        size={"height": height, "width": width},
        do_center_crop=False,
        return_tensors="pt",
    )
    require(
        prepared["pixel_values"].shape == expected.shape,
        f"pixel_values are {tuple(prepared['pixel_values'].shape)}, not {tuple(expected.shape)}",
    )
    outputs(model, {**subject.example(model.config), **prepared})


def has_image_processor(subject: Subject) -> bool:
    """Return whether images are the input, and the architecture prepares them itself."""
    return subject.sees_images and subject.architecture.component("image_processor") is not None


IMAGE_CHECKS = (
    Rule(positions_fit_other_sizes, interpolates),
    Rule(image_processor_serves_the_model, has_image_processor),
)
