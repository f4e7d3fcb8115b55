"""The tokenizers that TrOCR's checkpoints name: RoBERTa's, and XLM-RoBERTa's of the small ones."""

from __future__ import annotations

from automodel_core.families.fairseq import FramedPieces
from automodel_core.text import FramedByteLevelTokenizer


class RobertaTokenizer(FramedByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""


class XLMRobertaTokenizer(FramedPieces):
    """Pieces from ``sentencepiece.bpe.model``, or ``tokenizer.json``."""


RobertaTokenizerFast = RobertaTokenizer
XLMRobertaTokenizerFast = XLMRobertaTokenizer
