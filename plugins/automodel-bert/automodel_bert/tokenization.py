"""BERT's tokenizer: WordPiece over lower-cased (or not) words, ``[CLS] A [SEP] B [SEP]``."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyTokenizer


class BertTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""


BertTokenizerFast = BertTokenizer
