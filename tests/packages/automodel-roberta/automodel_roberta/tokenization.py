"""RoBERTa's tokenizer: byte-level BPE, ``<s> X </s>`` and ``<s> X </s></s> Y </s>``."""

from __future__ import annotations

from automodel_core.text import FramedByteLevelTokenizer


class RobertaTokenizer(FramedByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""


RobertaTokenizerFast = RobertaTokenizer
