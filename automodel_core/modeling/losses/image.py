"""The losses of reconstructed images, and of classes of pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["hidden_pixel_loss", "pixel_class_loss"]


def hidden_pixel_loss(pixels: Tensor, pixel_values: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean distance of images ``(batch, channels, height, width)`` in hidden patches.

    ``hidden`` is ``(batch, rows, columns)`` of the patches, true where one is hidden.
    """
    patch = [size // count for size, count in zip(pixels.shape[2:], hidden.shape[1:], strict=True)]
    counted = hidden[:, None].bool()
    counted = counted.repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)
    distances = F.l1_loss(pixels, pixel_values, reduction="none") * counted
    return distances.sum() / (counted.sum() + 1e-5) / pixels.shape[1]


def pixel_class_loss(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Return the mean cross-entropy of ``(batch, classes, rows, columns)`` over labelled pixels.

    Scores are resized to the ``labels``, ``(batch, height, width)``. A single class is in a pixel
    or not, label 1 or 0. Pixels labelled ``ignore_index`` do not count.
    """
    if labels.dim() != 3 or labels.shape[0] != logits.shape[0] or labels.is_floating_point():
        raise InputError(
            f"labels are integers, one class for each pixel, ({logits.shape[0]}, height, width); "
            f"got {labels.dtype} of {tuple(labels.shape)}"
        )
    labels = labels.to(logits.device)
    classes = logits.shape[1]
    scores = F.interpolate(logits, labels.shape[-2:], mode="bilinear", align_corners=False)
    if classes == 1:
        truth = labels.to(scores.dtype)
        losses = F.binary_cross_entropy_with_logits(scores[:, 0], truth, reduction="none")
        return (losses * ((labels >= 0) & (labels != ignore_index))).mean()
    try:
        return F.cross_entropy(scores, labels, ignore_index=ignore_index)
    except IndexError as error:
        counted = labels[labels != ignore_index]
        raise InputError(
            f"labels must lie between 0 and {classes - 1}, or be {ignore_index} where they do not "
            f"count; those given reach from {int(counted.min())} to {int(counted.max())}"
        ) from error
