"""Texts that break tokenizers: spaces, controls, scripts, emoji, invisible and composed signs."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["NASTY"]

NASTY: list[str] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8"),
)
