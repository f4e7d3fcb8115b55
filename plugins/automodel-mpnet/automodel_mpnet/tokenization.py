"""MPNet's tokenizer: BERT's words, framed as RoBERTa's, ``<s> A </s></s> B </s>``."""

from __future__ import annotations

from typing import ClassVar

from tokenizers import processors

from automodel_core.text import AddedToken, TokenLike, WordPieceTokenizer


class MPNetTokenizer(WordPieceTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``."""

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.txt",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "attention_mask")
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "sep_token": "</s>",
        "unk_token": "[UNK]",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("<mask>", lstrip=True, special=True),
        "bos_token": "<s>",
        "eos_token": "</s>",
    }

    def update_post_processor(self) -> None:
        """Put the special tokens around the texts; all have type id 0."""
        sep, cls = self.needed_token("sep_token"), self.needed_token("cls_token")
        with self._backend.exclusive() as rust:
            rust.post_processor = processors.RobertaProcessing(sep, cls, add_prefix_space=False)

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__


MPNetTokenizerFast = MPNetTokenizer
