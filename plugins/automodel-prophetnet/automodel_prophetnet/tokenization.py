"""ProphetNet's tokenizer: BERT's WordPiece, with ``[SEP]`` after each text and no prefix."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import decoders, pre_tokenizers

from automodel_core.text import WordPieceTokenizer


class ProphetNetTokenizer(WordPieceTokenizer):
    """WordPiece from ``prophetnet.tokenizer`` (a path or a dict of ids) or ``tokenizer.json``.

    ``do_basic_tokenize=False`` cuts words at spaces only. ``[X_SEP]``, which separates the
    sentences of a summary, is a special token.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "prophetnet.tokenizer",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "attention_mask")
    default_tokens: ClassVar[dict[str, str]] = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "x_sep_token": "[X_SEP]",
        "mask_token": "[MASK]",
    }
    composes = True
    decoder = decoders.WordPiece(prefix="##", cleanup=False)

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Mapping[str, int] | None = None,
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        never_split: Sequence[str] | None = None,
        *,
        clean_up_tokenization_spaces: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(
            vocab,
            do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            **settings,
        )
        if not do_basic_tokenize:
            with self._backend.exclusive() as rust:
                rust.normalizer = None
                rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()

    @property
    def saved_class_name(self) -> str:
        return "ProphetNetTokenizer"
