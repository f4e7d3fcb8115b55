"""ViLT's tokenizer, which is BERT's."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyTokenizer


class BertTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""


BertTokenizerFast = BertTokenizer
