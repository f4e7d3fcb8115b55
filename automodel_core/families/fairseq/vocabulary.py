"""Vocabularies in fairseq's order: ``<s> <pad> </s> <unk>``, pieces, language codes.

fairseq (https://github.com/facebookresearch/fairseq) puts these four tokens before the pieces. They
replace the first three pieces of a SentencePiece model, which are special tokens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer
from tokenizers.processors import TemplateProcessing

from automodel_core.families.fairseq.languages import MultilingualTokenizer
from automodel_core.text.encoding.added_tokens import TokenLike, with_default_tokens
from automodel_core.text.encoding.rust import Backend, backend_from, rust_errors
from automodel_core.text.subwords.pieces import SentencePieceTokenizer
from automodel_core.text.subwords.sentencepiece import (
    SPACE,
    Piece,
    PieceType,
    SentencePieceModel,
    refuse_sampling,
    sentencepiece_pipeline,
)

__all__ = ["FairseqPieces", "FairseqTokenizer", "FramedPieces", "fairseq_order"]

FIRST_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
UNKNOWN = 3
SMALLEST = SentencePieceModel(
    (
        Piece("<unk>", 0.0, PieceType.UNKNOWN),
        Piece("<s>", 0.0, PieceType.CONTROL),
        Piece("</s>", 0.0, PieceType.CONTROL),
        Piece(SPACE, -2.0, PieceType.NORMAL),
    )
)


class FairseqPieces(SentencePieceTokenizer):
    """SentencePiece's pieces in fairseq's order, from a model file or ``tokenizer.json``.

    ``vocab`` is a model file, or pieces and scores by id; without a source there are no pieces.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "sentencepiece.bpe.model",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "attention_mask")
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "cls_token": "<s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("<mask>", lstrip=True, normalized=False, special=True),
    }
    language_codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[tuple[str, float]] | None = None,
        *,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        additional_special_tokens: Sequence[TokenLike] | None = None,
        **settings: Any,
    ) -> None:
        refuse_sampling(settings)
        settings = with_default_tokens(settings, self.default_tokens)
        if isinstance(settings.get("extra_special_tokens"), list | tuple):
            extra = settings.pop("extra_special_tokens")
            additional_special_tokens = [*(additional_special_tokens or ()), *extra]
        additional = self._with_codes(additional_special_tokens or ())
        if isinstance(vocab, str | os.PathLike):
            vocab, vocab_file = None, vocab
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            if vocab is not None:
                backend = Backend(sentencepiece_pipeline(_by_id(vocab)))
            else:
                words = SMALLEST if vocab_file is None else SentencePieceModel.read(vocab_file)
                model = self.ordered(words)
                backend = Backend(self._pipeline(model, additional, settings["mask_token"]))
        super().__init__(tokenizer_object=backend, additional_special_tokens=additional, **settings)
        self.vocab_file = None if vocab_file is None else os.fspath(vocab_file)

    def _with_codes(self, given: Sequence[TokenLike]) -> list[TokenLike]:
        """Return the additional special tokens: the language codes, then those ``given``."""
        tokens: dict[str, TokenLike] = {}
        for token in (*self.language_codes, *given):
            tokens.setdefault(str(token), token)
        return list(tokens.values())

    @classmethod
    def ordered(cls, model: SentencePieceModel) -> SentencePieceModel:
        """Return the pieces of a model file with the tokens before them."""
        return fairseq_order(model)

    def _pipeline(
        self, model: SentencePieceModel, additional: Sequence[TokenLike], mask: TokenLike
    ) -> Tokenizer:
        """Return the tokenizer of ``model``, with language codes and mask in its vocabulary."""
        return sentencepiece_pipeline(model, extra=(*self.language_codes, str(mask)))

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__


class FramedPieces(FairseqPieces):
    """Pieces with tokens around each text: ``<s> X </s>`` and ``<s> X </s></s> Y </s>``."""

    def __init__(self, *sources: Any, **settings: Any) -> None:
        super().__init__(*sources, **settings)
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Put the special tokens around the texts; all have type id 0."""
        cls, sep = str(self.cls_token), str(self.sep_token)
        with self._backend.exclusive() as rust, rust_errors("framing texts"):
            rust.post_processor = TemplateProcessing(
                single=[cls, "$A", sep],
                pair=[cls, "$A", sep, sep, "$B", sep],
                special_tokens=[(cls, self.cls_token_id), (sep, self.sep_token_id)],
            )


class FairseqTokenizer(FairseqPieces, MultilingualTokenizer):
    """Pieces, with the code of a text's language among its special tokens."""

    def _language_codes(self) -> Sequence[str]:
        return self.language_codes


def fairseq_order(
    model: SentencePieceModel, first_tokens: Sequence[str] = FIRST_TOKENS, *, replaced: int = 3
) -> SentencePieceModel:
    """Return ``model`` with fairseq's first tokens in place of its special pieces."""
    first = tuple(Piece(text, 0.0, PieceType.CONTROL) for text in first_tokens)
    return replace(model, pieces=(*first, *model.pieces[replaced:]), unk_id=UNKNOWN)


def _by_id(vocab: Sequence[tuple[str, float]]) -> SentencePieceModel:
    pieces = tuple(Piece(text, float(score), PieceType.NORMAL) for text, score in vocab)
    return SentencePieceModel(pieces, unk_id=UNKNOWN)
