"""The base of image processors for models whose queries draw masks and say their classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.detection.masks.labels import binary_masks
from automodel_core.errors import InputError
from automodel_core.fields import PositiveInt
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.vision.images import FIRST
from automodel_core.vision.padding import MaskedImageProcessor, pixel_mask
from automodel_core.vision.segmentation import flatten_maps, map_tensor, resizable
from automodel_core.vision.settings import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    shortest_edge,
)
from automodel_core.vision.transforms import output_size, pad, resize

__all__ = ["MaskClassImageProcessor"]

ClassesOfInstances = Mapping[int, int] | Sequence[Mapping[int, int]] | None
SHORTEST, LONGEST = 800, 1333


class MaskClassImageProcessor(MaskedImageProcessor):
    """Prepares images of different sizes as one batch, and maps of segments as labels.

    By default the shortest edge becomes 800, both become multiples of ``size_divisor``, and values
    are normalised as ImageNet's pictures are.
    """

    former_names: ClassVar = {
        **MaskedImageProcessor.former_names,
        "reduce_labels": "do_reduce_labels",
        "size_divisibility": "size_divisor",
    }
    default_to_square = False

    do_resize: bool | None = True
    size: Size = shortest_edge(SHORTEST, longest=LONGEST)
    size_divisor: int | None = 32
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_DEFAULT_MEAN
    image_std: ChannelValues = IMAGENET_DEFAULT_STD
    ignore_index: int | None = None
    """The number in maps of pixels that belong to no segment."""
    do_reduce_labels: bool | None = False
    """Whether 0 in maps is no class, and classes count from 1."""
    num_labels: PositiveInt | None = None

    def __init__(self, **settings: Any) -> None:
        longest = settings.pop("max_size", None)
        size: Any = settings.get("size")
        if isinstance(size, int) and not isinstance(size, bool):
            settings["size"] = {"shortest_edge": size, "longest_edge": longest or LONGEST}
        elif longest is not None:
            edges = settings.get("size") or {}
            settings["size"] = {"shortest_edge": SHORTEST, **edges, "longest_edge": longest}
        super().__init__(**settings)

    def __call__(
        self, images: Any, segmentation_maps: Any = None, *args: Any, **kwargs: Any
    ) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(images, segmentation_maps, *args, **kwargs)

    def preprocess(
        self,
        images: Any,
        segmentation_maps: Any = None,
        instance_id_to_semantic_id: ClassesOfInstances = None,
        *,
        return_tensors: str | TensorType | None = None,
        **options: Any,
    ) -> BatchFeature:
        """Return ``pixel_values``, ``pixel_mask`` and, of maps, ``mask_labels``, ``class_labels``.

        ``segmentation_maps`` is one for each image: Pillow's, arrays, tensors or paths of files.
        Their numbers are classes or, with ``instance_id_to_semantic_id`` for all images or one for
        each, instances. ``mask_labels`` ``(segments, height, width)`` are 0 where an image is
        padded. ``options`` are those of `BaseImageProcessor.preprocess`.
        """
        features = super().preprocess(images, **options)
        if segmentation_maps is None:
            return features.convert_to_tensors(return_tensors)
        here = self.overridden({key: one for key, one in options.items() if self.accepts(key)})
        maps = [here.resized(resizable(map_tensor(m))) for m in flatten_maps(segmentation_maps)]
        return here.with_labels(features, maps, instance_id_to_semantic_id, return_tensors)

    def transform(self, image: Tensor) -> Tensor:
        return self.scale(self.resized(image, self.resample))

    def resized(self, image: Tensor, resample: int = int(Resampling.NEAREST)) -> Tensor:
        """Return an image or a map of the size that the settings give it."""
        if not self.do_resize:
            return image
        edges = output_size(image.shape, self.required("size", "do_resize"))
        divisor = self.size_divisor or 1
        height, width = (-(-edge // divisor) * divisor for edge in edges)
        return resize(image, (height, width), resample)

    def with_labels(
        self,
        features: BatchFeature,
        maps: Sequence[Tensor],
        classes: ClassesOfInstances,
        return_tensors: str | TensorType | None,
    ) -> BatchFeature:
        """Return features with labels made of maps ``(1, height, width)`` of their sizes."""
        count = len(features["pixel_values"])
        by_image = [classes] * count if classes is None or isinstance(classes, Mapping) else classes
        if not len(maps) == len(by_image) == count:
            raise InputError(
                f"{len(maps)} segmentation maps and {len(by_image)} tables of instances were given "
                f"for {count} images"
            )
        labels = []
        for number, (numbers, class_of) in enumerate(zip(maps, by_image, strict=True)):
            masks, names = binary_masks(
                numbers[0], class_of, self.ignore_index, reduce_labels=bool(self.do_reduce_labels)
            )
            if self.do_pad:
                height, width = features["pixel_mask"][number].shape
                bottom, right = height - masks.shape[1], width - masks.shape[2]
                masks = pad(masks, bottom=bottom, right=right)
            labels.append((masks, names))
        features.convert_to_tensors(return_tensors)
        named = [
            BatchFeature({"mask_labels": masks, "class_labels": names}, return_tensors)
            for masks, names in labels
        ]
        for key in ("mask_labels", "class_labels"):
            features[key] = [each[key] for each in named]
        return features

    def encode_inputs(
        self,
        pixel_values_list: Sequence[Any],
        segmentation_maps: Any = None,
        instance_id_to_semantic_id: ClassesOfInstances = None,
        ignore_index: int | None = None,
        do_reduce_labels: bool | None = None,
        return_tensors: str | TensorType | None = None,
        input_data_format: str | None = None,
        pad_size: Size = None,
    ) -> BatchFeature:
        """Return what `preprocess` does, of images and maps that are transformed already."""
        here = self.overridden(
            {
                "ignore_index": ignore_index,
                "do_reduce_labels": do_reduce_labels,
                "pad_size": pad_size,
                "do_convert_rgb": False,
            }
        )
        features = here.batched_images(pixel_values_list, input_data_format)
        if segmentation_maps is None:
            return features.convert_to_tensors(return_tensors)
        maps = [map_tensor(each) for each in flatten_maps(segmentation_maps)]
        return here.with_labels(features, maps, instance_id_to_semantic_id, return_tensors)

    def batched_images(self, images: Sequence[Any], input_data_format: str | None) -> BatchFeature:
        """Return padded images and their masks, as lists."""
        return BatchFeature(self.batched(self.read_images(list(images), input_data_format)))

    def pad(
        self,
        images: Sequence[Any],
        constant_values: float = 0,
        return_pixel_mask: bool = True,
        return_tensors: str | TensorType | None = None,
        data_format: str | None = None,
        input_data_format: str | None = None,
        pad_size: Size = None,
    ) -> BatchFeature:
        """Return images of one size, padded right and below, and ``pixel_mask`` of each."""
        here = self.overridden({"pad_size": pad_size, "do_convert_rgb": False})
        read = here.read_images(list(images), input_data_format)
        padded = here.pad_batch(read)
        masks = [pixel_mask(image, whole) for image, whole in zip(read, padded, strict=True)]
        if constant_values:
            shown = zip(padded, masks, strict=True)
            padded = [image.masked_fill(mask == 0, constant_values) for image, mask in shown]
        if data_format not in (None, FIRST):
            padded = [image.permute(1, 2, 0) for image in padded]
        features = {"pixel_values": padded, "pixel_mask": masks}
        if not return_pixel_mask:
            del features["pixel_mask"]
        return BatchFeature(features, return_tensors)
