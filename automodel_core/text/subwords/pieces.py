"""Tokenizers that are made of a SentencePiece model file, which their folders keep."""

from __future__ import annotations

import os

from automodel_core.text.subwords.sentencepiece import copy_model
from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["SentencePieceTokenizer"]


class SentencePieceTokenizer(PreTrainedTokenizer):
    """Saves the model file ``vocab_file`` that it was made from, where there is one."""

    vocab_file: str | None = None

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return self.vocab_file is not None and os.path.isfile(self.vocab_file)

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Copy the model file that this tokenizer was made from."""
        name = self.vocab_files_names["vocab_file"]
        return copy_model(self.vocab_file, save_directory, name, filename_prefix)
