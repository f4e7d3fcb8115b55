"""The processors of OWL-ViT and OWLv2: images, and what to look for in each of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, warn_caller
from automodel_core.processing import ProcessorMixin
from automodel_core.vision import BatchFeature
from automodel_owlvit.post_processing import BoxQueryPostProcessing, Sizes

ABSENT = " "
"""Is encoded in the place of a text that an image does not have."""


class OwlViTProcessor(ProcessorMixin):
    """An image processor and a tokenizer, which pads texts to one length.

    ``text`` is a list of texts to look for, or a list of such lists, one for each image; where an
    image has fewer, its last texts are absent, and their ids 0. ``query_images`` show what to look
    for, in place of texts.
    """

    image_processor: Any

    def __call__(
        self,
        *inputs: Any,
        images: Any = None,
        text: Any = None,
        query_images: Any = None,
        common_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Return ``input_ids`` and ``attention_mask``, or ``query_pixel_values``; ``pixel_values``.

        Unnamed inputs are images, text and query images. Raises `InputError` if there is nothing to
        process.
        """
        given = dict(zip(("images", "text", "query_images"), inputs, strict=False))
        images, text = given.get("images", images), given.get("text", text)
        of_images = dict(kwargs.get("images_kwargs") or {})
        query_images = of_images.pop("query_images", given.get("query_images", query_images))
        kwargs["images_kwargs"] = of_images
        kwargs["text_kwargs"] = {"padding": "max_length", **(kwargs.get("text_kwargs") or {})}
        kwargs["common_kwargs"] = {"return_tensors": "pt", **(common_kwargs or {})}
        if images is None and text is None and query_images is None:
            raise InputError("give images, text or query_images: there is nothing to process")
        data: dict[str, Any] = {}
        if query_images is not None:
            seen = super().__call__(images=query_images, **kwargs)
            data["query_pixel_values"] = seen["pixel_values"]
        elif text is not None:
            texts, absent = as_many_for_each(text)
            data |= super().__call__(text=texts, **kwargs)
            for row in absent:
                data["input_ids"][row] = 0
        if images is not None:
            data |= super().__call__(images=images, **kwargs)
        return BatchFeature(data)

    def post_process_grounded_object_detection(
        self,
        outputs: Any,
        threshold: float = 0.1,
        target_sizes: Sizes = None,
        text_labels: Sequence[Sequence[str]] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the objects of each image, and as ``text_labels`` the texts that they fit."""
        found: list[dict[str, Any]] = self.image_processor.post_process_object_detection(
            outputs, threshold, target_sizes
        )
        if text_labels is None:
            return [{**one, "text_labels": None} for one in found]
        if len(text_labels) != len(found):
            raise InputError(
                f"{len(text_labels)} lists of text_labels were given for {len(found)} images"
            )
        return [
            {**one, "text_labels": [texts[label] for label in one["labels"].tolist()]}
            for one, texts in zip(found, text_labels, strict=True)
        ]

    def post_process_image_guided_detection(
        self,
        outputs: Any,
        threshold: float = 0.0,
        nms_threshold: float = 0.3,
        target_sizes: Sizes = None,
    ) -> list[dict[str, Any]]:
        """Return what in each image fits its query image, as the image processor does."""
        processor: BoxQueryPostProcessing = self.image_processor
        return processor.post_process_image_guided_detection(
            outputs, threshold, nms_threshold, target_sizes
        )

    def post_process_object_detection(self, *args: Any, **kwargs: Any) -> list[dict[str, Tensor]]:
        """Return the objects of each image, as transformers 4 did."""
        warn_caller(
            "post_process_object_detection() of the processor is an older name of "
            "post_process_grounded_object_detection()",
            FutureWarning,
        )
        found: list[dict[str, Tensor]] = self.image_processor.post_process_object_detection(
            *args, **kwargs
        )
        return found

    def post_process(self, *args: Any, **kwargs: Any) -> list[dict[str, Tensor]]:
        """Return all patches as objects, as the image processor does."""
        found: list[dict[str, Tensor]] = self.image_processor.post_process(*args, **kwargs)
        return found


def as_many_for_each(text: Any) -> tuple[Any, list[int]]:
    """Return texts in one list, as many for each image, and which of them are absent."""
    if not isinstance(text, list | tuple) or not text or isinstance(text[0], str):
        return text, []
    most = max(map(len, text))
    if not most:
        raise InputError("text= has no text to look for in any image")
    filled = [[*of_image, *[ABSENT] * (most - len(of_image))] for of_image in text]
    absent = [
        image * most + number
        for image, of_image in enumerate(text)
        for number in range(len(of_image), most)
    ]
    return list(itertools.chain.from_iterable(filled)), absent


class Owlv2Processor(OwlViTProcessor):
    """The same, with OWLv2's image processor."""
