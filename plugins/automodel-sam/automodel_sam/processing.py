"""SAM's processor: images, and prompts in their pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.preprocessing import BatchFeature
from automodel_core.processing import IMAGE_PROCESSOR, Part, ProcessorMixin
from automodel_sam.image_processing import SamImageProcessor, fitted
from automodel_sam.prompts import PADDING

Nested = Sequence[Any] | Tensor | None
Prompts = list[list[Tensor]]
"""A tensor for each prompt of each image."""
LEVELS = {
    "input_points": (3, "image, prompt, point, x and y"),
    "input_labels": (2, "image, prompt, label"),
    "input_boxes": (2, "image, prompt, edge"),
}
"""How deep prompts are nested where an image has one, and the levels where it may have several."""
BESIDE_IMAGES = (*LEVELS, "segmentation_maps", "point_pad_value")


class SamProcessor(ProcessorMixin):
    """An image processor, and prompts that are scaled with their image."""

    attributes: ClassVar[Mapping[str, Part]] = {"image_processor": IMAGE_PROCESSOR}
    point_pad_value: ClassVar[int] = PADDING

    image_processor: SamImageProcessor

    @property
    def target_size(self) -> int:
        """The longest edge of the images that the model sees."""
        size: int = self.image_processor.required("size", "do_resize")["longest_edge"]
        return size

    @property
    def model_input_names(self) -> list[str]:
        return [*super().model_input_names, "original_sizes", "reshaped_input_sizes"]

    def __call__(  # type: ignore[override]
        self,
        images: Any = None,
        text: None = None,
        segmentation_maps: Any = None,
        input_points: Nested = None,
        input_labels: Nested = None,
        input_boxes: Nested = None,
        *,
        images_kwargs: Mapping[str, Any] | None = None,
        point_pad_value: int | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Return the inputs of images, with prompts in the pixels of the images that SAM sees.

        ``input_points`` are nested as image, prompt, point, x and y; ``input_labels`` the same
        without x and y: 1 for a point of the object, 0 for one beside it; ``input_boxes`` as
        image, prompt, and left, upper, right and lower edge. The level of prompts may be left out.
        An image with fewer prompts, or a prompt with fewer points, than another gets some that say
        nothing: of them, labels, x, y and edges are ``point_pad_value``. Other keywords are the
        image processor's.
        """
        if images is None or text is not None:
            raise InputError("give images: SAM reads no text, and scales prompts with their image")
        options = {**kwargs, **(images_kwargs or {})}
        given = {
            "segmentation_maps": segmentation_maps,
            "input_points": input_points,
            "input_labels": input_labels,
            "input_boxes": input_boxes,
            "point_pad_value": point_pad_value,
        }
        given |= {name: options.pop(name) for name in BESIDE_IMAGES if name in options}
        kind, filler = options.pop("return_tensors", None), given["point_pad_value"]
        features = self.image_processor(images, given["segmentation_maps"], **options)
        prompts = {name: nested(name, given[name]) for name in LEVELS if given[name] is not None}
        filler = self.point_pad_value if filler is None else int(filler)
        features.update(self.placed(prompts, features["original_sizes"], filler))
        return features.convert_to_tensors(kind)

    def placed(
        self, prompts: Mapping[str, Prompts], sizes: Sequence[tuple[int, int]], filler: int
    ) -> dict[str, Tensor]:
        """Return prompts as tensors, in pixels of what SAM sees of images of these sizes."""
        for name, given in prompts.items():
            if len(given) != len(sizes) and len(sizes) > 1:
                raise InputError(f"{name} are of {len(given)} images, and there are {len(sizes)}")
        points, labels = prompts.get("input_points"), prompts.get("input_labels")
        found: dict[str, Tensor] = {}
        if points is not None:
            found["input_points"] = padded(self.scaled(points, sizes), filler)
            if labels is None and not are_even(points):
                labels = [
                    [torch.ones(len(each), dtype=torch.int64) for each in of] for of in points
                ]
            elif labels is not None and lengths(labels) != lengths(points):
                raise InputError(
                    f"input_points have {lengths(points)} points in the prompts of each image, and "
                    f"input_labels {lengths(labels)} labels"
                )
        if labels is not None:
            found["input_labels"] = padded(labels, filler)
        if "input_boxes" in prompts:
            found["input_boxes"] = padded(self.scaled(prompts["input_boxes"], sizes), filler)
        return found

    def scaled(self, prompts: Prompts, sizes: Sequence[tuple[int, int]]) -> Prompts:
        """Return x and y, in turn in the last dimension, in pixels of what SAM sees."""
        several = [sizes[0]] * len(prompts) if len(sizes) == 1 else sizes
        moved = []
        for of_image, (height, width) in zip(prompts, several, strict=True):
            rows, columns = fitted(height, width, self.target_size)
            scale = torch.tensor([columns / width, rows / height], dtype=torch.float64)
            moved.append([each * scale.repeat(each.shape[-1] // 2) for each in of_image])
        return moved

    def post_process_masks(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        """Return the output of the image processor's ``post_process_masks``."""
        return self.image_processor.post_process_masks(*args, **kwargs)


def nested(name: str, value: Any) -> Prompts:
    """Return the prompts of each image, given with or without the level of prompts."""
    one, levels = LEVELS[name]
    try:
        depth = depth_of(value)
        if depth not in (one, one + 1):
            raise InputError(f"{name} is nested {depth} deep, expected {levels}: {one + 1} levels")
        images = value if depth > one else [[each] for each in value]
        prompts = [[torch.as_tensor(each) for each in of_image] for of_image in images]
    except (TypeError, RuntimeError) as error:
        raise InputError(f"{name} are numbers, nested as {levels}: {error}") from error
    last = {"input_points": 2, "input_boxes": 4}.get(name)
    for prompt in (each for of_image in prompts for each in of_image):
        if last is not None and prompt.shape[-1:] != (last,):
            raise InputError(
                f"{name} has a prompt of shape {tuple(prompt.shape)}, expected {levels}"
            )
    return prompts


def depth_of(value: Any) -> int:
    """Return how deep lists, or the dimensions of a tensor or array, are nested."""
    if isinstance(value, list | tuple):
        return 1 + max(map(depth_of, value), default=0)
    return torch.as_tensor(value).dim()


def lengths(prompts: Prompts) -> list[list[int]]:
    """Return how many points, labels or edges each prompt of each image has."""
    return [[len(each) for each in of_image] for of_image in prompts]


def are_even(prompts: Prompts) -> bool:
    """Return whether all images have as many prompts, and all prompts as many points."""
    counts = lengths(prompts)
    return all(each == counts[0] for each in counts) and len(set(counts[0])) == 1


def padded(prompts: Prompts, filler: int) -> Tensor:
    """Return prompts as one tensor ``(images, prompts, ...)``."""
    every = [each for of_image in prompts for each in of_image]
    most = max(len(of_image) for of_image in prompts)
    shape = [max(each.shape[axis] for each in every) for axis in range(every[0].dim())]
    whole = torch.full((len(prompts), most, *shape), filler, dtype=every[0].dtype)
    for number, of_image in enumerate(prompts):
        for place, each in enumerate(of_image):
            part = whole[number, place]
            for axis, edge in enumerate(each.shape):
                part = part.narrow(axis, 0, edge)
            part.copy_(each)
    return whole
