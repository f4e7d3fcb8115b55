"""Architectures of two towers: texts and images for both sides, and what each head takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from automodel_core.layers.images.patches import edges
from support.images import ImageFamily
from support.parity import ROWS, ArchitectureParity, Case, Family
from support.reference import assert_close

__all__ = ["TowerCase", "TowerFamily", "TowerParity"]


@dataclass(frozen=True)
class TowerCase(Case):
    """Keys of each tower's configuration, and of that of both, and the images to try.

    ``pixels`` are height and width where they are not the configuration's.
    """

    text: Mapping[str, Any] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)
    pixels: tuple[int, int] | None = None


@dataclass(frozen=True)
class TowerFamily(Family):
    """An architecture with a head for both towers, ones for each, and one for labels of images.

    Heads are told apart by their names. ``small`` are keys of both towers. ``one_size`` are heads
    of which the reference's take images of the configuration's size only.
    """

    small_text: Mapping[str, Any] = field(default_factory=dict)
    small_image: Mapping[str, Any] = field(default_factory=dict)
    one_size: tuple[str, ...] = ()

    def settings(self, case: Case, head: str) -> dict[str, Any]:
        assert isinstance(case, TowerCase)
        text = {**self.small, **self.small_text, **case.text}
        image = {**self.small, **self.small_image, **case.image}
        if "Text" in head or "Vision" in head:
            return text if "Text" in head else image
        return {"text_config": text, "vision_config": image, **case.settings}

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        found = super().reference(case, head, seed, **more)
        return pooled_as_in_4(found) if self.pairs(head) else found

    def reads(self, head: str) -> bool:
        """Return whether a head reads texts."""
        return "Text" in head or self.pairs(head)

    def pairs(self, head: str) -> bool:
        """Return whether a head compares texts with images."""
        return head == self.heads[0]

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, TowerCase)
        given = super().batch(case, head, rows, seed) if self.reads(head) else {}
        if "Text" in head:
            return given
        image = {**self.small, **self.small_image, **case.image}
        other = None if head in self.one_size else case.pixels
        pixels = other or edges(image["image_size"])
        chance = torch.Generator().manual_seed(seed)
        shape = (rows, image.get("num_channels", 3), *pixels)
        given["pixel_values"] = torch.randn(shape, generator=chance)
        if other is not None:
            given["interpolate_pos_encoding"] = True
        return given

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Any]:
        """Return what a head learns from."""
        if self.pairs(head):
            return {"return_loss": True}
        if not head.endswith("ForImageClassification"):
            return {}
        return ImageFamily.labels(self, head, given, config)  # type: ignore[arg-type]


class TowerParity(ArchitectureParity):
    """The story, told with texts and images."""

    family: TowerFamily
    untested_keys = ("text_config", "vision_config")
    # Nothing here writes text.
    test_cached_steps_equal_one_pass = None
    test_generated_ids = None

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = self.family.batch(case, head, rows)
        if config is not None:
            return given | self.family.labels(head, given, config)
        if self.family.pairs(head):  # any number of images for any number of texts
            given["pixel_values"] = given["pixel_values"][: rows - 1]
        return given

    def test_embeddings_may_be_given(self, head: str) -> None:
        if head != next(name for name in self.family.heads if "Text" in name):
            pytest.skip("needs tokens, or none")
        case = self.first_case()
        model = self.family.pair(case, head)[1]
        given = self.arguments(case, head)
        with torch.no_grad():
            expected = model(**given)
            embedded = model.get_input_embeddings()(given.pop("input_ids"))
            found = model(inputs_embeds=embedded, **given)
        assert_close(found.last_hidden_state, expected.last_hidden_state)

    def test_tuples_have_the_same_order(self, head: str) -> None:
        if not self.family.pairs(head):
            super().test_tuples_have_the_same_order(head)
            return
        reference, model = self.family.pair(self.first_case(), head)
        given = self.arguments(self.first_case(), head) | self.shown(head)
        given["return_dict"] = False
        with torch.no_grad():
            expected, found = reference(**given), model(**given)
        assert_close(found[:4], expected[:4])
        for mine, theirs in zip(found[4:], expected[4:], strict=True):
            # What the reference calls pooled differs between its versions.
            assert_close([*mine[:1], *mine[2:]], [*theirs[:1], *theirs[2:]])


def pooled_as_in_4(reference: Any) -> Any:
    """Let a model of 5 return the pooled states of its towers, and not what they project to."""
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: Any, given: Any, output: Any) -> None:
            kept[name] = output.pooler_output

        return hook

    def restore(module: Any, given: Any, output: Any) -> None:
        if not isinstance(output, tuple):
            for name, pooled in kept.items():
                output[f"{name}_output"].pooler_output = pooled

    if transformers.__version__.startswith("5."):
        for name in ("text_model", "vision_model"):
            getattr(reference, name).register_forward_hook(keep(name))
        reference.register_forward_hook(restore)
    return reference
