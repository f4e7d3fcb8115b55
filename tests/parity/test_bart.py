"""BART against the reference."""

from __future__ import annotations

from support.bart import BART
from support.parity import ArchitectureParity


class TestBart(ArchitectureParity):
    family = BART
