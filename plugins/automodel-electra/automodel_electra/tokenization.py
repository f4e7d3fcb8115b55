"""ELECTRA's tokenizer: BERT's."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyTokenizer


class ElectraTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""


ElectraTokenizerFast = ElectraTokenizer
# The name that transformers 5 writes into ELECTRA's files.
BertTokenizer = BertTokenizerFast = ElectraTokenizer
