"""ResNet equals the reference: numbers, gradients, files, maps."""

from __future__ import annotations

from typing import Any

from parity.resnet.cases import RESNET
from support.vision import ImageParity


class TestResNet(ImageParity):
    family = RESNET

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return pixels in half precision, which is all that the reference takes."""
        return {"pixel_values": given["pixel_values"].bfloat16()}
