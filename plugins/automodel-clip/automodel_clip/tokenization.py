"""The tokenizer of CLIP's checkpoints."""

from __future__ import annotations

from automodel_core.families.clip import CLIPFamilyTokenizer


class CLIPTokenizer(CLIPFamilyTokenizer):
    """BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""


CLIPTokenizerFast = CLIPTokenizer
