"""CLIP equals the reference: numbers, gradients, files."""

from __future__ import annotations

from parity.clip.cases import CLIP
from support.towers import TowerParity


class TestCLIP(TowerParity):
    family = CLIP
