"""The names of all architectures that plugins of this repository provide, as one pattern."""

from __future__ import annotations

import json
import re
from pathlib import Path

__all__ = ["ARCHITECTURE_NAME", "architecture_names"]

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "automodel_core" / "registry" / "catalog.json"
COMPONENT = re.compile(r"(Tokenizer|ImageProcessor|FeatureExtractor|Processor)$")
CONFIG = re.compile(r"\b(\w+)Config as \w+")
WORDS = {"CLIP", "clip", "encoder-decoder", "EncoderDecoder", "bit", "Bit"}
"""Names of architectures that are words of the field too."""


def architecture_names() -> set[str]:
    """Return the model types of all manifests, and the prefixes of the plugins' classes."""
    catalogue = json.loads(CATALOG.read_text(encoding="utf-8"))["architectures"]
    names = set(catalogue)
    for entry in catalogue.values():
        names |= {COMPONENT.sub("", component) for component in entry["components"]}
    for stub in ROOT.glob("plugins/*/automodel_*/__init__.pyi"):
        names |= set(CONFIG.findall(stub.read_text(encoding="utf-8")))
    return names - WORDS


def _as_a_word(name: str) -> str:
    """Return a pattern for a name in any spelling: ``donut-swin``, ``donut_swin``."""
    return re.sub(r"\\-|_", "[-_]?", re.escape(name))


ARCHITECTURE_NAME = re.compile(
    rf"(?<![A-Za-z])(?i:{'|'.join(map(_as_a_word, sorted(architecture_names())))})"
    r"(?![a-z])(?!(?<=[A-Z])[A-Z]{2})"
)
"""Matches a name as a word, or as the first part of one: ``BartModel``, ``bart_layer``, not
``Bartholomew`` or ``BARTENDER``."""
