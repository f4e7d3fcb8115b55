"""OWL-ViT and OWLv2 twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import automodel_owlvit
from support.parity import ROWS, Case, Family
from support.towers import TowerCase, TowerFamily

__all__ = ["OWLV2", "OWLVIT", "DetectorCase", "DetectorFamily"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
}  # fmt: skip
END = 40
"""The largest id, where a text ends."""


@dataclass(frozen=True)
class DetectorCase(TowerCase):
    """The same, with texts to look for in each image, and the numbers of those that are absent."""

    queries: int = 2
    absent: tuple[int, ...] = ()


@dataclass(frozen=True)
class DetectorFamily(TowerFamily):
    """Towers, both of them, and a detector."""

    def settings(self, case: Case, head: str) -> dict[str, Any]:
        found = super().settings(case, head)
        if "text_config" in found:  # queries are compared in the space of texts
            found["projection_dim"] = found["text_config"]["hidden_size"]
        return found

    def detects(self, head: str) -> bool:
        return head.endswith("ForObjectDetection")

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        given = super().batch(case, head, rows, seed)
        if self.detects(head):
            assert isinstance(case, DetectorCase)
            given |= Family.batch(self, case, head, rows * case.queries, seed)
            given["input_ids"][list(case.absent)] = 0
        return given

    def labels(self, head: str, given: Mapping[str, Any], config: Any) -> dict[str, Any]:
        return {} if self.detects(head) else super().labels(head, given, config)


CASES = {
    "plain": DetectorCase(),
    "one query": DetectorCase(queries=1),
    "absent queries": DetectorCase(queries=3, absent=(2, 4, 5)),
    "texts of all positions": DetectorCase(padding="none", lengths=(12, 1)),
    "towers of unlike sizes": DetectorCase(
        text={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 16},
        image={"num_hidden_layers": 3, "num_attention_heads": 1, "hidden_act": "gelu"},
    ),
    "wide images": DetectorCase(pixels=(8, 24)),
    "as many patches, not as large": DetectorCase(pixels=(19, 18), queries=4),
    "a rest beside the patches": DetectorCase(image={"image_size": 18, "layer_norm_eps": 1e-2}),
    "one grey channel": DetectorCase(image={"num_channels": 1, "hidden_act": "relu"}),
    "one patch, nothing looked for": DetectorCase(
        image={"image_size": 4}, text={"layer_norm_eps": 1e-1}, absent=(0, 1, 2, 3, 4, 5)
    ),
}


def family(prefix: str, *cases: str) -> DetectorFamily:
    heads = ("Model", "TextModel", "VisionModel", "ForObjectDetection")
    return DetectorFamily(
        automodel_owlvit,
        tuple(f"{prefix}{head}" for head in heads),
        SMALL,
        {name: CASES[name] for name in cases},
        pad=0,
        end=END,
        small_text={"vocab_size": END + 1, "max_position_embeddings": 12, "eos_token_id": END},
        small_image={"image_size": 16, "patch_size": 4},
    )


OWLVIT = family("OwlViT", *CASES)
OWLV2 = family("Owlv2", "plain", "absent queries", "wide images")
