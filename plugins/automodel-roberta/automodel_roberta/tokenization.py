"""The tokenizers: ``<s> X </s>`` and ``<s> X </s></s> Y </s>``, all of token type 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automodel_core.families.fairseq import FramedPieces, fairseq_order
from automodel_core.text import FramedByteLevelTokenizer, SentencePieceModel, TokenLike

UNUSED = ("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
"""CamemBERT's names of ids that its pieces have a second time."""


class RobertaTokenizer(FramedByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``."""


class XLMRobertaTokenizer(FramedPieces):
    """Pieces from ``sentencepiece.bpe.model``, or ``tokenizer.json``."""


class CamembertTokenizer(FramedPieces):
    """Pieces from ``sentencepiece.bpe.model``, or ``tokenizer.json``.

    Five tokens stand before the pieces, which begin with ``<s>`` and ``</s>``.
    """

    def __init__(
        self,
        *sources: Any,
        additional_special_tokens: Sequence[TokenLike] | None = UNUSED,
        **settings: Any,
    ) -> None:
        super().__init__(*sources, additional_special_tokens=additional_special_tokens, **settings)

    @classmethod
    def ordered(cls, model: SentencePieceModel) -> SentencePieceModel:
        start, end, unknown = UNUSED
        return fairseq_order(model, (start, "<pad>", end, "<unk>", unknown), replaced=1)


RobertaTokenizerFast = RobertaTokenizer
XLMRobertaTokenizerFast = XLMRobertaTokenizer
CamembertTokenizerFast = CamembertTokenizer
