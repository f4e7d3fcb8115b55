"""ViLT twice: its heads, and configurations that are unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import automodel_vilt
from support.family import ROWS, Case, Family

__all__ = ["VILT"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
    "vocab_size": 40, "max_position_embeddings": 12, "image_size": 16, "patch_size": 4,
    "num_labels": 5, "num_images": 2, "modality_type_vocab_size": 3,
}  # fmt: skip


@dataclass(frozen=True)
class PairCase(Case):
    """A configuration, the size of a batch of images, and how much of each row's is padded."""

    pixels: tuple[int, int] = (16, 16)
    padding: str = "right"
    hidden: tuple[tuple[int, int], ...] = ()
    """Rows and columns of pixels that each image lacks; without, there is no mask."""


@dataclass(frozen=True)
class PairFamily(Family):
    """An architecture whose heads see a text with an image, or with several."""

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, PairCase)
        settings = self.settings(case, head)
        given: dict[str, Any] = super().batch(case, head, rows, seed)
        chance = torch.Generator().manual_seed(seed)
        several = (settings["num_images"],) if head.endswith("ImagesAndTextClassification") else ()
        shape = (rows, *several, settings.get("num_channels", 3), *case.pixels)
        given["pixel_values"] = torch.randn(shape, generator=chance)
        # Without a mask the reference takes images to be as large as the configuration's.
        mask = torch.ones(rows, *several, *case.pixels, dtype=torch.long)
        for row, (height, width) in enumerate(case.hidden[:rows]):
            mask[row, ..., case.pixels[0] - height :, :] = 0
            mask[row, ..., case.pixels[1] - width :] = 0
        given["pixel_mask"] = mask
        given["token_type_ids"] = (
            (torch.arange(given["input_ids"].shape[1]) > 3).long().repeat(rows, 1)
        )
        return given

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        """Return what a head learns from."""
        ids, chance = given["input_ids"], torch.Generator().manual_seed(9)
        if head.endswith("ForQuestionAnswering"):
            return {"labels": torch.rand(len(ids), config.num_labels, generator=chance)}
        if head.endswith("ImagesAndTextClassification"):
            return {"labels": torch.randint(config.num_labels, (len(ids),), generator=chance)}
        if head.endswith(("ForMaskedLM", "ForTokenClassification")):
            most = config.vocab_size if head.endswith("LM") else config.num_labels
            labels = torch.randint(most, ids.shape, generator=chance)
            return {"labels": labels.masked_fill(given["attention_mask"] == 0, -100)}
        return {}


CASES = {
    "plain": PairCase(),
    "images of different sizes": PairCase(
        pixels=(24, 32), hidden=((0, 0), (8, 4), (12, 20)), lengths=(7, 1)
    ),
    "wide images": PairCase(pixels=(4, 28)),
    "one patch each": PairCase(pixels=(12, 12), hidden=((8, 8), (8, 8), (8, 8))),
    "no biases of queries, keys and values": PairCase({"qkv_bias": False, "hidden_act": "relu"}),
    "one grey channel": PairCase({"num_channels": 1, "num_attention_heads": 24}),
    "one label, a large epsilon": PairCase(
        {"num_labels": 1, "layer_norm_eps": 1e-2, "num_hidden_layers": 1}
    ),
    "a rest beside the patches": PairCase({"image_size": 18}, pixels=(19, 22)),
}
HEADS = (
    "ViltModel",
    "ViltForQuestionAnswering",
    "ViltForImageAndTextRetrieval",
    "ViltForImagesAndTextClassification",
    "ViltForMaskedLM",
    "ViltForTokenClassification",
)
VILT = PairFamily(automodel_vilt, HEADS, SMALL, CASES)
