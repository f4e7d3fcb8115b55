"""SegFormer and GLPN equal the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import pytest

from parity.segformer.cases import GLPN, SEGFORMER
from support.vision import ImageParity

# So version 4 greets the files that hold the last states in a row.
pytestmark = pytest.mark.filterwarnings("ignore:Reshape_last_stage:FutureWarning")


class MixParity(ImageParity):
    """The story; in half precision the reference takes pixels of that kind only."""

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"pixel_values": given["pixel_values"].bfloat16()}


class TestSegformer(MixParity):
    family = SEGFORMER


class TestGLPN(MixParity):
    family = GLPN
