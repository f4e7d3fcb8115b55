"""The tokenizers that LayoutLM's checkpoints name: BERT's, and RoBERTa's of those for documents."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyTokenizer
from automodel_core.text import FramedByteLevelTokenizer


class LayoutLMTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""


class BertTokenizer(LayoutLMTokenizer):
    """The same, under the name that today's files have."""


class RobertaTokenizer(FramedByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``.

    Words of a page are given one by one, for which ``add_prefix_space=True`` is needed.
    """


LayoutLMTokenizerFast = LayoutLMTokenizer
BertTokenizerFast = BertTokenizer
RobertaTokenizerFast = RobertaTokenizer
