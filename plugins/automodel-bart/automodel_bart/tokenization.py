"""BART's tokenizer: byte-level BPE, ``<s> X </s>`` and ``<s> X </s></s> Y </s>``."""

from __future__ import annotations

from automodel_core.text import FramedByteLevelTokenizer


class BartTokenizer(FramedByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""


BartTokenizerFast = BartTokenizer
# The name that transformers 5 writes into BART's files.
RobertaTokenizer = RobertaTokenizerFast = BartTokenizer
