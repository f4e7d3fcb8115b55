"""BART's tokenizer: byte-level BPE, ``<s> X </s>`` and ``<s> X </s></s> Y </s>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tokenizers import AddedToken, processors

from automodel_core.errors import TokenizationError
from automodel_core.text.byte_level import ByteLevelTokenizer

__all__ = ["BartTokenizer", "BartTokenizerFast", "RobertaTokenizer", "RobertaTokenizerFast"]


class BartTokenizer(ByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``.

    With ``trim_offsets`` the offsets of a word leave out the space before it.
    """

    default_tokens: ClassVar[Mapping[str, str | AddedToken]] = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("<mask>", lstrip=True, special=True),
        "bos_token": "<s>",
        "eos_token": "</s>",
    }

    def __init__(self, *sources: Any, trim_offsets: bool = True, **settings: Any) -> None:
        self.trim_offsets = trim_offsets
        super().__init__(*sources, trim_offsets=trim_offsets, **settings)
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Put the special tokens around the texts; all have type id 0."""
        sep, cls = self._place("sep_token"), self._place("cls_token")
        spaced = bool(self.init_kwargs["add_prefix_space"])
        with self._backend.exclusive() as rust:
            rust.post_processor = processors.RobertaProcessing(
                sep, cls, trim_offsets=self.trim_offsets, add_prefix_space=spaced
            )

    def _place(self, name: str) -> tuple[str, int]:
        token, index = self.token_named(name), self.id_named(name)
        if token is None or index is None:
            raise TokenizationError(f"BartTokenizer needs a {name}, which stands around each text")
        return token, index

    @property
    def saved_class_name(self) -> str:
        return "BartTokenizer"


BartTokenizerFast = BartTokenizer
# The name that transformers 5 writes into BART's files.
RobertaTokenizer = RobertaTokenizerFast = BartTokenizer
