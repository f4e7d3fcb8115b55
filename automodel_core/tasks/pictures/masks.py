"""``mask-generation``: a mask of each thing in a picture, whatever it is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.painting import masked, shown as picture_of

__all__ = ["MaskGenerationPipeline"]

OVERLAP = 512 / 1500
FRACTIONS = 2**16
"""Of a pixel: points are whole numbers of them, which half precision does not round."""
MOST_NUMBERS = 2**24
"""How many numbers of masks at the size of a picture are made at a time."""
SEEN = ("masks", "iou_scores", "boxes")


class MaskGenerationPipeline(PicturePipeline):
    """Returns ``masks``, bool tensors of the picture's size, and their ``scores``, the best first.

    The model is asked at points on a grid, ``points_per_crop`` per side, ``points_per_batch`` of
    them at a time, in the picture and in crops of it. ``output_rle_mask`` adds ``rle_mask``, the
    masks as run lengths, ``output_bboxes_mask`` adds ``bounding_boxes``.
    """

    def preprocess(
        self,
        item: Any,
        *,
        points_per_batch: int | None = 64,
        crops_n_layers: int = 0,
        crop_overlap_ratio: float = OVERLAP,
        points_per_crop: int = 32,
        crop_n_points_downscale_factor: int = 1,
        timeout: float | None = None,
    ) -> Iterator[Chunk]:
        """Yield the points of each batch, with the map of their crop, which is computed once."""
        if points_per_batch is not None and points_per_batch < 1:
            raise InputError(
                f"points_per_batch={shown(points_per_batch)}: expected at least 1, or None for all "
                "points of a crop at once"
            )
        pixels, size = self.seen(item, timeout), self.image_processor.size
        edges, points, crops, labels = self.image_processor.generate_crop_boxes(
            pixels,
            size.get("longest_edge", size.get("height")),
            crops_n_layers,
            crop_overlap_ratio,
            points_per_crop,
            crop_n_points_downscale_factor,
        )
        whole = torch.tensor(pixels.shape[-2:])
        for number, crop in enumerate(crops):
            sizes = self.prepared(crop)
            seen = sizes.pop("pixel_values").to(self.device, self.model.dtype)
            model: Any = self.model
            image_map = model.get_image_embeddings(seen)[0].cpu()
            real = labels[0, :, number] > 0
            of_crop = (points[0, real, number] * FRACTIONS).round().long()
            extents: dict[str, Tensor] = {
                name: torch.as_tensor(sizes[name])[0]
                for name in ("original_sizes", "reshaped_input_sizes")
                if name in sizes
            }
            for some in of_crop.split(points_per_batch or max(1, len(of_crop))):
                yield Chunk(
                    {
                        "image_embeddings": image_map,
                        "input_points": some[:, None],
                        "crop": edges[number].long(),
                        "picture": whole,
                        **extents,
                    }
                )

    def forward(
        self,
        inputs: dict[str, Any],
        *,
        pred_iou_thresh: float = 0.88,
        stability_score_thresh: float = 0.95,
        mask_threshold: float = 0.0,
        stability_score_offset: float = 1,
        max_hole_area: float | None = None,
        max_sprinkle_area: float | None = None,
    ) -> Mapping[str, Any]:
        """Return run lengths, scores and boxes of the masks of each batch that are worth keeping.

        The rest is left out before it is enlarged, and a few masks are enlarged at a time.
        """
        points = inputs["input_points"].double() / FRACTIONS
        outputs = self.model(
            input_points=points,
            input_labels=torch.ones_like(points[..., 0], dtype=torch.int64),
            image_embeddings=inputs["image_embeddings"],
        )
        more = self.cleaning(max_hole_area=max_hole_area, max_sprinkle_area=max_sprinkle_area)
        filters = {
            "pred_iou_thresh": pred_iou_thresh,
            "stability_score_thresh": stability_score_thresh,
            "mask_threshold": mask_threshold,
            "stability_score_offset": stability_score_offset,
        }
        found: dict[str, list[Any]] = {name: [] for name in SEEN}
        for row in range(len(points)):
            sizes = {
                name: inputs[name][row][None].tolist()
                for name in ("original_sizes", "reshaped_input_sizes")
                if name in inputs
            }
            scores = self.output(outputs, "iou_scores")[row].flatten()
            good = scores > pred_iou_thresh if pred_iou_thresh > 0 else scores > -torch.inf
            masks = self.output(outputs, "pred_masks")[row].flatten(0, 1)[good]
            height, width = sizes["original_sizes"][0]
            several = max(1, MOST_NUMBERS // (height * width))
            kept: tuple[list[Any], list[Tensor], list[Tensor]] = ([], [], [])
            for some, of_some in zip(
                masks.split(several), scores[good].split(several), strict=True
            ):
                (large,) = self.image_processor.post_process_masks(
                    some[None, :, None].unbind(), **sizes,
                    mask_threshold=mask_threshold, binarize=False, **more,
                )  # fmt: skip
                runs, best, boxes = self.image_processor.filter_masks(
                    large, of_some[:, None], inputs["picture"][row].tolist(),
                    inputs["crop"][row].tolist(), **filters,
                )  # fmt: skip
                for whole, part in zip(kept, (runs, [best], [boxes]), strict=True):
                    whole.extend(part)
            found["masks"].append(kept[0])
            found["iou_scores"].append(torch.cat(kept[1]))
            found["boxes"].append(torch.cat(kept[2]))
        return found

    def cleaning(self, **areas: float | None) -> dict[str, float]:
        """Return the options of an image processor that fills holes and removes sprinkles."""
        asked = {name: area for name, area in areas.items() if area}
        known = inspect.signature(self.image_processor.post_process_masks).parameters
        if not known.keys() >= asked.keys():
            kind = type(self.image_processor).__name__
            raise InputError(f"{kind} leaves holes and sprinkles: leave out {', '.join(asked)}")
        return asked

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        output_rle_mask: bool = False,
        output_bboxes_mask: bool = False,
        crops_nms_thresh: float = 0.7,
    ) -> dict[str, Any]:
        runs, scores, boxes = ([chunk.outputs[name] for chunk in chunks] for name in SEEN)
        masks, best, kept, edges = self.image_processor.post_process_for_mask_generation(
            [each for some in runs for each in some],
            torch.cat(scores),
            torch.cat(boxes),
            crops_nms_thresh,
        )
        found: dict[str, Any] = {"masks": masks, "scores": best}
        if output_rle_mask:
            found["rle_mask"] = kept
        if output_bboxes_mask:
            found["bounding_boxes"] = edges
        return found

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture with each mask in a colour of its own, and its edge."""
        return masked(picture_of(self.seen(source, None)), result["masks"], result["scores"])
