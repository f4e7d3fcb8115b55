"""DeBERTa's tokenizers: byte-level BPE of the first version, SentencePiece's pieces of the others.

Either puts ``[CLS] A [SEP] B [SEP]`` around texts, the second of type id 1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from tokenizers import AddedToken, normalizers, pre_tokenizers

from automodel_core.families.bert import BertFamilyPieces
from automodel_core.text import (
    SPACE,
    ByteLevelTokenizer,
    TokenLike,
    rust_errors,
    sentencepiece_normalizers,
    typed_pairs_processor,
)


class DebertaTokenizer(ByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""

    model_input_names = ("input_ids", "attention_mask", "token_type_ids")
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("[MASK]", lstrip=True, special=True),
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
    }

    def __init__(self, *sources: Any, **settings: Any) -> None:
        super().__init__(*sources, **settings)
        cls, sep = self.needed_token("cls_token"), self.needed_token("sep_token")
        with self._backend.exclusive() as rust, rust_errors("setting the special tokens"):
            rust.post_processor = typed_pairs_processor(cls, sep)

    @property
    def saved_class_name(self) -> str:
        return "DebertaTokenizer"


class DebertaV2Tokenizer(BertFamilyPieces):
    """Unigram from ``spm.model`` or ``tokenizer.json``, of the second version and the third.

    ``split_by_punct`` cuts at punctuation first. Without it and ``do_lower_case`` the tokenizer
    does as its ``tokenizer.json`` says, and else neither.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "spm.model",
        "tokenizer_file": "tokenizer.json",
    }
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
    }

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[tuple[str, float]] | None = None,
        do_lower_case: bool | None = None,
        split_by_punct: bool | None = None,
        *,
        add_prefix_space: bool = True,
        **settings: Any,
    ) -> None:
        self.do_lower_case = do_lower_case is True
        self.split_by_punct = split_by_punct is True
        self.add_prefix_space = add_prefix_space
        stated: dict[str, Any] = {"do_lower_case": do_lower_case, "split_by_punct": split_by_punct}
        super().__init__(
            vocab,
            steps={"Lowercase": do_lower_case, "Punctuation": split_by_punct},
            add_prefix_space=add_prefix_space,
            **{key: value for key, value in stated.items() if value is not None},
            **settings,
        )

    def normalizer(self, charsmap: bytes) -> normalizers.Normalizer:
        first = [normalizers.Lowercase()] if self.do_lower_case else []
        return normalizers.Sequence([*first, *sentencepiece_normalizers(charsmap)])

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        scheme = "always" if self.add_prefix_space else "first"
        steps: list[pre_tokenizers.PreTokenizer] = []
        if self.split_by_punct:
            # Spaces beside a cut are no pieces.
            steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
        words = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
        return pre_tokenizers.Sequence([*steps, words])


DebertaTokenizerFast = DebertaTokenizer
DebertaV2TokenizerFast = DebertaV2Tokenizer
