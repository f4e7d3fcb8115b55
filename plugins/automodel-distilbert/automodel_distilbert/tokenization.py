"""DistilBERT's tokenizer: BERT's, without token types."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyTokenizer


class DistilBertTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""

    model_input_names = ("input_ids", "attention_mask")


DistilBertTokenizerFast = DistilBertTokenizer
# The name that many of DistilBERT's files have, and all of transformers 5.
BertTokenizer = BertTokenizerFast = DistilBertTokenizer
