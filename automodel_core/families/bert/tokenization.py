"""The family's first tokenizer: WordPiece, ``[CLS] A [SEP] B [SEP]``."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.text.subwords.wordpiece import WordPieceTokenizer

__all__ = ["BertFamilyTokenizer"]


class BertFamilyTokenizer(WordPieceTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``.

    BERT's own code kept the words of ``never_split`` whole between spaces only.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.txt",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names: tuple[str, ...] = ("input_ids", "token_type_ids", "attention_mask")
    default_tokens: ClassVar[dict[str, str]] = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    first_token = "cls_token"  # noqa: S105

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__
