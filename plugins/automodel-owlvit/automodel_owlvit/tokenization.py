"""The tokenizer that the files of OWL-ViT and OWLv2 name: CLIP's."""

from __future__ import annotations

from automodel_core.families.clip import CLIPFamilyTokenizer


class CLIPTokenizer(CLIPFamilyTokenizer):
    """BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``; files pad by ``!``."""


CLIPTokenizerFast = CLIPTokenizer
