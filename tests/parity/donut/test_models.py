"""Donut's encoder against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from parity.donut.cases import DONUT
from support.parity import SEEN
from support.reference import assert_close, assert_same_gradients
from support.vision import ImageParity


class TestDonutSwin(ImageParity):
    family = DONUT

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}

    def test_tuples_have_the_same_order(self, head: str) -> None:
        """Ours ends with the reshaped states, which the reference leaves out of tuples."""
        case = self.first_case()
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head) | SEEN | {"return_dict": False}
        with torch.no_grad():
            expected, found = reference(**given), model(**given)
        assert len(found) == len(expected) + 1
        assert_close(found[:-1], list(expected))

    @pytest.mark.parametrize("seed", range(2))
    def test_the_same_paths_are_left_out(self, head: str, seed: int) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head, drop_path_rate=0.6)
        given = self.arguments(case, head, reference.config)
        outputs = []
        for each in (reference, model):
            torch.manual_seed(seed)
            outputs.append(each.train()(**given))
        assert_close(outputs[1][0], outputs[0][0])
        for output in outputs:
            output[0].square().sum().backward()
        assert_same_gradients(model, reference)


def test_no_checkpoint_has_absolute_positions() -> None:
    """The reference has one more of them than patches, and cannot run."""
    with pytest.raises(ValueError, match="use_absolute_embeddings"):
        DONUT.package.DonutSwinConfig(use_absolute_embeddings=True)
    reference: Any = DONUT.reference(
        DONUT.cases["plain"], "DonutSwinModel", use_absolute_embeddings=True
    )
    with pytest.raises(RuntimeError, match="must match the size"):
        reference(**DONUT.batch(DONUT.cases["plain"], "DonutSwinModel"))
