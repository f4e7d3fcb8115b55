"""SAM's image processor: images, and maps as labels; masks at the size of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.detection import enclosing_boxes, keep_best, mask_to_rle, rle_to_mask
from automodel_core.errors import InputError
from automodel_core.vision import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    BaseImageProcessor,
    BatchFeature,
    ChannelValues,
    Resample,
    Resampling,
    SegmentationImageProcessor,
    Size,
    fixed_size,
    output_size,
    resize,
)
from automodel_sam.enlarging import Enlarging
from automodel_sam.prompts import PADDING
from automodel_sam.proposals import (
    crop_boxes,
    near_crop_edges,
    point_grid,
    stability,
)

Sizes = Sequence[Sequence[int]] | Tensor


def longest_edge(length: int) -> Size:
    """Return the size that resizes the longer edge, and the other with it."""
    return {"longest_edge": length}


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """Return the height and width of an image whose longer edge becomes ``longest``."""
    scale = longest / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


class LongestEdge(BaseImageProcessor):
    """Resizes the longer edge of images, rounded to whole pixels."""

    def transform(self, image: Tensor) -> Tensor:
        if self.do_resize:
            image = resize(image, self.fitted(image.shape[-2:]), self.resample)
        return self.scale(image)

    def fitted(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return the height and width that an image of a height and width gets."""
        size = self.required("size", "do_resize")
        if "longest_edge" not in size:
            return output_size(shape, size)
        height, width = shape
        return fitted(height, width, size["longest_edge"])


class LabelMaps(LongestEdge, SegmentationImageProcessor):
    """Makes labels of maps, as large as the model's masks."""


class SamImageProcessor(LongestEdge):
    """Resize the longer edge to 1024, normalise as ImageNet's pictures are, and pad to a square.

    ``mask_size`` and ``mask_pad_size`` are the same for maps that become labels.
    """

    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values",)

    do_convert_rgb: bool | None = True
    do_resize: bool | None = True
    size: Size = longest_edge(1024)
    mask_size: Size = longest_edge(256)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_DEFAULT_MEAN
    image_std: ChannelValues = IMAGENET_DEFAULT_STD
    do_pad: bool | None = True
    pad_size: Size = fixed_size(1024)
    mask_pad_size: Size = fixed_size(256)

    def normalised(self, name: str, value: Any) -> Any:
        """Return a size as a dict: one number is the longest edge, or that of a square padding."""
        if name in ("size", "mask_size") and isinstance(value, int) and not isinstance(value, bool):
            value = {"longest_edge": value}
        return super().normalised(name.removeprefix("mask_"), value)

    def __call__(self, images: Any, segmentation_maps: Any = None, **kwargs: Any) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(images, segmentation_maps, **kwargs)

    def preprocess(
        self,
        images: Any,
        segmentation_maps: Any = None,
        *,
        return_tensors: Any = None,
        input_data_format: str | None = None,
        **settings: Any,
    ) -> BatchFeature:
        """Return ``pixel_values``, ``original_sizes``, ``reshaped_input_sizes`` and ``labels``.

        Sizes are height and width of each image, as it came, and before it was padded. ``labels``
        ``(rows, columns)`` of int64 are made of ``segmentation_maps``, one for each image.
        ``settings`` are those of `BaseImageProcessor.preprocess`.
        """
        here = self.overridden(
            {k: v for k, v in settings.items() if k not in ("data_format", "device")}
        )
        read = here.read_images(images, input_data_format)
        features = super().preprocess(read, input_data_format="channels_first", **settings)
        features["original_sizes"] = [tuple(image.shape[-2:]) for image in read]
        if segmentation_maps is not None:
            features["labels"] = here.labels_of(segmentation_maps, features["original_sizes"])
        return features.convert_to_tensors(return_tensors)

    def batched(self, images: list[Tensor]) -> dict[str, Any]:
        sizes = [tuple(image.shape[-2:]) for image in images]
        return {**super().batched(images), "reshaped_input_sizes": sizes}

    def labels_of(self, segmentation_maps: Any, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Return maps of the sizes of their images as labels."""
        maps = LabelMaps(
            do_convert_rgb=False,
            do_resize=self.do_resize,
            size=self.mask_size,
            resample=int(Resampling.NEAREST),
            do_rescale=False,
            do_normalize=False,
            do_pad=self.do_pad,
            pad_size=self.mask_pad_size,
        )
        labels = maps.labels_of(segmentation_maps)
        if len(labels) != len(sizes):
            raise InputError(f"{len(labels)} segmentation maps were given for {len(sizes)} images")
        return labels

    # ---- masks of prompts ----

    def post_process_masks(
        self,
        masks: Tensor | Sequence[Any],
        original_sizes: Sizes,
        reshaped_input_sizes: Sizes,
        mask_threshold: float = 0.0,
        binarize: bool = True,
        pad_size: Mapping[str, int] | None = None,
        return_tensors: str = "pt",
    ) -> list[Tensor]:
        """Return the masks of each image at its own size: bool, or numbers without ``binarize``.

        ``masks`` are ``(prompts, masks, rows, columns)`` for each image, as the model gives them;
        ``pad_size`` is what its images were padded to, by default the setting.
        """
        if return_tensors != "pt":
            raise InputError(f"return_tensors={return_tensors!r}: masks are torch's, 'pt'")
        if not len(masks) == len(original_sizes) == len(reshaped_input_sizes):
            raise InputError(
                f"masks are of {len(masks)} images, original_sizes of {len(original_sizes)} and "
                f"reshaped_input_sizes of {len(reshaped_input_sizes)}"
            )
        padded = pad_size or self.required("pad_size", "post_process_masks")
        found = []
        for each, original, cut in zip(masks, original_sizes, reshaped_input_sizes, strict=True):
            given = torch.as_tensor(each)
            height, width = (int(edge) for edge in original)
            enlarge = Enlarging.between(
                given, (padded["height"], padded["width"]), [int(e) for e in cut], (height, width)
            )
            made = given.new_empty(
                (*given.shape[:-2], height, width), dtype=torch.bool if binarize else None
            )
            pairs = zip(made.view(-1, height, width), given.flatten(0, -3), strict=True)
            for picture, mask in pairs:
                whole = enlarge(mask)
                picture.copy_(whole > mask_threshold if binarize else whole)
            found.append(made)
        return found

    # ---- masks of everything ----

    def generate_crop_boxes(
        self,
        image: Any,
        target_size: int,
        crop_n_layers: int = 0,
        overlap_ratio: float = 512 / 1500,
        points_per_crop: int | None = 32,
        crop_n_points_downscale_factor: int | None = 1,
        device: torch.device | str | None = None,
        input_data_format: str | None = None,
        return_tensors: str = "pt",
    ) -> tuple[Tensor, Tensor, list[Tensor], Tensor]:
        """Return boxes, points, images and labels of an image and of crops of it.

        Boxes ``(crops, 4)`` are edges in pixels; points ``(1, points, crops, 2)`` lie on a grid of
        ``points_per_crop`` per side, in pixels of a crop whose longer edge is ``target_size``;
        labels are ``(1, points, crops)``: 1, or -10 where a crop has fewer points. In each of the
        ``crop_n_layers`` there are twice as many crops per side, and the grid is
        ``crop_n_points_downscale_factor`` times coarser.
        """
        if return_tensors != "pt":
            raise InputError(f"return_tensors={return_tensors!r}: crops are torch's, 'pt'")
        images = self.read_images(image, input_data_format)
        if len(images) != 1:
            raise InputError(f"crops are made of one image, and {len(images)} were given")
        pixels = images[0]
        height, width = pixels.shape[-2:]
        per_side, factor = points_per_crop or 32, crop_n_points_downscale_factor or 1
        boxes, crops, points = [], [], []
        layers = crop_boxes(height, width, crop_n_layers, overlap_ratio)
        for layer, of_layer in enumerate(layers):
            grid = point_grid(max(1, int(per_side / factor**layer)))
            for left, top, right, bottom in of_layer:
                crops.append(pixels[:, top:bottom, left:right])
                boxes.append((left, top, right, bottom))
                rows, columns = fitted(bottom - top, right - left, target_size)
                points.append(grid * torch.tensor([columns, rows], dtype=grid.dtype))
        placed = torch.nn.utils.rnn.pad_sequence(points, padding_value=float(PADDING))
        counts = torch.tensor([len(each) for each in points])
        real = torch.arange(placed.shape[0])[:, None] < counts
        labels = torch.where(real, 1, PADDING)
        where = torch.device("cpu") if device is None else torch.device(device)
        edges = torch.tensor(boxes, dtype=torch.float32)
        return edges.to(where), placed[None].to(where), crops, labels[None].to(where)

    def filter_masks(
        self,
        masks: Tensor,
        iou_scores: Tensor,
        original_size: Sequence[int],
        cropped_box_image: Sequence[float] | Tensor,
        pred_iou_thresh: float = 0.88,
        stability_score_thresh: float = 0.95,
        mask_threshold: float = 0.0,
        stability_score_offset: float = 1,
        return_tensors: str = "pt",
    ) -> tuple[list[dict[str, Any]], Tensor, Tensor]:
        """Return run lengths, scores and boxes of the masks of a crop that are worth keeping.

        ``masks`` ``(prompts, masks, height, width)`` are numbers at the crop's size, and
        ``iou_scores`` ``(prompts, masks)``. A mask needs a score above ``pred_iou_thresh``, a
        stability above ``stability_score_thresh``, and may not go on beyond the crop
        ``cropped_box_image``. Run lengths and boxes are those of the whole image.
        """
        if return_tensors != "pt":
            raise InputError(f"return_tensors={return_tensors!r}: masks are torch's, 'pt'")
        scores, masks = iou_scores.flatten(0, 1).to(masks.device), masks.flatten(0, 1)
        if len(scores) != len(masks):
            raise InputError(f"there are {len(masks)} masks and {len(scores)} scores")
        if pred_iou_thresh > 0:
            good = scores > pred_iou_thresh
            scores, masks = scores[good], masks[good]
        if stability_score_thresh > 0:
            stable = stability(masks, mask_threshold, stability_score_offset)
            good = stable > stability_score_thresh
            scores, masks = scores[good], masks[good]
        height, width = (int(edge) for edge in original_size)
        left, top, right, bottom = (int(edge) for edge in cropped_box_image)
        shown = masks > mask_threshold
        boxes = enclosing_boxes(shown)
        good = ~near_crop_edges(boxes, (left, top, right, bottom), height, width)
        whole = torch.nn.functional.pad(shown[good], (left, width - right, top, height - bottom))
        moved = boxes[good] + boxes.new_tensor([left, top, left, top])
        return [mask_to_rle(mask) for mask in whole], scores[good], moved.to(torch.int64)

    def post_process_for_mask_generation(
        self,
        all_masks: Sequence[Mapping[str, Any]],
        all_scores: Tensor,
        all_boxes: Tensor,
        crops_nms_thresh: float,
        return_tensors: str = "pt",
    ) -> tuple[list[Tensor], Tensor, list[Mapping[str, Any]], Tensor]:
        """Return masks, scores, run lengths and boxes that say nothing twice, the best first.

        Of two whose boxes have more than ``crops_nms_thresh`` in common the better one stays.
        """
        if return_tensors != "pt":
            raise InputError(f"return_tensors={return_tensors!r}: masks are torch's, 'pt'")
        kept = keep_best(all_boxes.float(), all_scores, crops_nms_thresh)
        runs = [all_masks[number] for number in kept.tolist()]
        return [rle_to_mask(each) for each in runs], all_scores[kept], runs, all_boxes[kept]


SamImageProcessorFast = SamImageProcessorPil = SamImageProcessor
