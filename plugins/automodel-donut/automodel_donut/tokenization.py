"""The tokenizer that Donut's checkpoints name: XLM-RoBERTa's."""

from __future__ import annotations

from automodel_core.families.fairseq import FramedPieces


class XLMRobertaTokenizer(FramedPieces):
    """Pieces from ``sentencepiece.bpe.model``, or ``tokenizer.json``."""


XLMRobertaTokenizerFast = XLMRobertaTokenizer
