"""The base of image processors: from images to ``pixel_values``."""

from __future__ import annotations

import logging
import os
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.other_names import IMAGE_PROCESSORS, missing_attribute
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.files import read_settings
from automodel_core.preprocessing.preprocessor import Preprocessor
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.vision.images import FIRST, LAST, flatten_images, image_tensor
from automodel_core.vision.settings import (
    NORMALISERS,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    size_dict,
)
from automodel_core.vision.transforms import (
    center_crop,
    normalize,
    output_size,
    pad,
    rescale,
    resize,
)

__all__ = ["BaseImageProcessor"]

logger = logging.getLogger(__name__)

SIZES = ("size", "crop_size", "pad_size")


class BaseImageProcessor(Preprocessor):
    """Turns images into ``pixel_values``, by settings that a file holds and a call may override.

    A subclass declares the settings that its files have, as annotated class attributes with
    their defaults, and may add steps to `transform`. Unknown keys of a file are kept, and written
    back.
    """

    kind = "image_processor"
    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values",)
    assigned_first = ("default_to_square",)
    ignored = Preprocessor.ignored | {
        *("data_format", "disable_grouping", "image_seq_length", "input_data_format"),
    }

    is_fast: ClassVar[bool] = False
    """Whether torchvision does the work: Pillow does, or code that computes the same numbers."""

    default_to_square: bool = True
    """Whether one number as size means height and width, or the shortest edge."""

    do_convert_rgb: bool | None = None
    """``None`` converts what has another number of channels than ``image_mean``, if that is 3."""
    do_resize: bool | None = True
    size: Size = None
    resample: Resample = int(Resampling.BILINEAR)
    do_center_crop: bool | None = None
    crop_size: Size = None
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = None
    image_std: ChannelValues = None
    do_pad: bool | None = None
    pad_size: Size = None

    if not TYPE_CHECKING:  # so that a misspelt name is an error

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name, IMAGE_PROCESSORS)

    def normalised(self, name: str, value: Any) -> Any:
        """Return a size as a dict, and other settings in the spelling of files."""
        if name in SIZES:
            return size_dict(value, name, square=self.default_to_square or name != "size")
        return NORMALISERS[name](value) if name in NORMALISERS else value

    def __call__(self, images: Any, **kwargs: Any) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(images, **kwargs)

    def preprocess(
        self,
        images: Any,
        *,
        return_tensors: str | TensorType | None = None,
        data_format: str | None = FIRST,
        input_data_format: str | None = None,
        device: str | int | torch.device | None = None,
        **settings: Any,
    ) -> BatchFeature:
        """Return ``pixel_values``: a batch with ``return_tensors``, without it a list of tensors.

        ``images`` is an image or lists of them: Pillow's, NumPy arrays, tensors or paths of files.
        ``settings`` override those of the processor for this call, unless they are ``None``.
        Raises `InputError` for what is no image and for settings that do not exist.
        """
        here = self.overridden(settings)
        read = here.read_images(images, input_data_format)
        tensors = [here.transform(each if device is None else each.to(device)) for each in read]
        features = here.batched(tensors)
        layout = _plain(data_format) or FIRST
        if layout not in (FIRST, LAST):
            raise InputError(f"data_format={shown(layout)} is not {FIRST!r} or {LAST!r}")
        if layout == LAST:
            images = features["pixel_values"]
            features["pixel_values"] = [image.permute(1, 2, 0) for image in images]
        return BatchFeature(features, return_tensors)

    def read_images(self, images: Any, input_data_format: str | None = None) -> list[Tensor]:
        """Return images of any kind as tensors ``(channels, height, width)``, not yet changed."""
        singles = flatten_images(images)
        if not singles:
            raise InputError("there are no images to process")
        convert_rgb = self.is_for_rgb if self.do_convert_rgb is None else self.do_convert_rgb
        layout = _plain(input_data_format)
        return [
            image_tensor(single, convert_rgb=convert_rgb, data_format=layout) for single in singles
        ]

    @property
    def is_for_rgb(self) -> bool:
        """Whether values are normalised by three numbers, one for each of red, green and blue."""
        numbers = (self.image_mean, self.image_std)
        return bool(self.do_normalize) and any(
            isinstance(values, list) and len(values) == 3 for values in numbers
        )

    def transform(self, image: Tensor) -> Tensor:
        """Return one image ``(channels, height, width)``, transformed except for padding."""
        if self.do_resize:
            size = output_size(image.shape, self.required("size", "do_resize"))
            image = resize(image, size, self.resample)
        return self.scale(self.cropped(image))

    def cropped(self, image: Tensor) -> Tensor:
        """Cut out the middle of an image, if that is set."""
        if not self.do_center_crop:
            return image
        size = output_size(image.shape, self.required("crop_size", "do_center_crop"))
        return center_crop(image, *size)

    def scale(self, image: Tensor) -> Tensor:
        """Rescale and normalise the values of an image."""
        return self.normalized(self.rescaled(image))

    def rescaled(self, image: Tensor) -> Tensor:
        """Rescale the values of an image, if that is set."""
        if not self.do_rescale:
            return image
        if image.is_floating_point() and image.min() >= 0 and image.max() <= 1:
            logger.warning(
                "An image with values from 0 to 1 is rescaled as if they reached 255. "
                "do_rescale=False leaves them as they are."
            )
        return rescale(image, self.rescale_factor)

    def normalized(self, image: Tensor) -> Tensor:
        """Normalise the values of an image, if that is set."""
        if not self.do_normalize:
            return image
        mean = self.required("image_mean", "do_normalize")
        return normalize(image, mean, self.required("image_std", "do_normalize"))

    def batched(self, images: list[Tensor]) -> dict[str, list[Tensor]]:
        """Return the model's inputs by name for the transformed images of one call."""
        return {"pixel_values": self.pad_batch(images) if self.do_pad else images}

    def pad_batch(self, images: list[Tensor]) -> list[Tensor]:
        """Return images of one size, ``pad_size`` or that of the largest, zeros right and below."""
        largest = [max(image.shape[axis] for image in images) for axis in (-2, -1)]
        height, width = output_size(largest, self.pad_size) if self.pad_size else largest
        for image in images:
            if image.shape[-2] > height or image.shape[-1] > width:
                raise InputError(
                    f"an image of {image.shape[-2]} x {image.shape[-1]} cannot be padded to "
                    f"pad_size, {height} x {width}"
                )
        return [
            pad(image, bottom=height - image.shape[-2], right=width - image.shape[-1])
            for image in images
        ]

    @classmethod
    def get_image_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the settings of a checkpoint, and the keywords that did not say where it is."""
        return read_settings(cls.kind, pretrained_model_name_or_path, kwargs, cls.stand_ins)


def _plain(value: str | None) -> str | None:
    """Return the value of an enumeration's member, such as transformers' ``ChannelDimension``."""
    return str(value.value) if isinstance(value, Enum) else value
