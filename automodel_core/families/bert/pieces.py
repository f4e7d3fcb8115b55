"""The family's tokenizer over SentencePiece: ``[CLS] A [SEP] B [SEP]``."""

from __future__ import annotations

import base64
import json
import os
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import Tokenizer
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from automodel_core.text.encoding.added_tokens import TokenLike, with_default_tokens
from automodel_core.text.encoding.post_processor import typed_pairs_processor
from automodel_core.text.encoding.rust import Backend, backend_from, rust_errors
from automodel_core.text.subwords.pieces import SentencePieceTokenizer
from automodel_core.text.subwords.sentencepiece import (
    Piece,
    PieceType,
    SentencePieceModel,
    refuse_sampling,
    sentencepiece_pipeline,
)

__all__ = ["BertFamilyPieces"]

CHARSMAP = re.compile(r'"precompiled_charsmap":\s*"([^"]*)"')
UNKNOWN = 1


class BertFamilyPieces(SentencePieceTokenizer):
    """Pieces from a SentencePiece model or ``tokenizer.json``; the second text has type id 1.

    ``vocab`` is a model file, or pieces and scores by id; without a source the vocabulary holds the
    class's `default_tokens` alone. ``steps`` says which steps of the pipeline, by their types in
    ``tokenizer.json``, there must or must not be; ``None`` leaves that to the file.
    """

    model_input_names = ("input_ids", "token_type_ids", "attention_mask")
    default_tokens: ClassVar[Mapping[str, TokenLike]]
    """The special tokens of a checkpoint that names no others, in the order of their ids."""

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[tuple[str, float]] | None = None,
        *,
        steps: Mapping[str, bool | None],
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        refuse_sampling(settings)
        settings = with_default_tokens(settings, self.default_tokens)
        if isinstance(vocab, str | os.PathLike):
            vocab, vocab_file = None, vocab
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            if vocab is not None or vocab_file is None:
                model = self._stated_model(vocab, settings)
            else:
                model = self.adapted(SentencePieceModel.read(vocab_file))
            backend = Backend(sentencepiece_pipeline(model))
            self._set_steps(backend, model.charsmap)
        elif _contradicts(backend.rust, steps):
            found = CHARSMAP.search(_shown(backend.rust))
            self._set_steps(backend, base64.b64decode(found[1]) if found else b"")
        super().__init__(tokenizer_object=backend, **settings)
        self.vocab_file = None if vocab_file is None else os.fspath(vocab_file)
        cls, sep = self.needed_token("cls_token"), self.needed_token("sep_token")
        with self._backend.exclusive() as rust, rust_errors("setting the special tokens"):
            rust.post_processor = typed_pairs_processor(cls, sep)

    @abstractmethod
    def normalizer(self, charsmap: bytes) -> Normalizer:
        """Return how text is normalised; ``charsmap`` is that of the SentencePiece model."""

    @abstractmethod
    def pre_tokenizer(self) -> PreTokenizer:
        """Return how text is split before it is cut into pieces."""

    def adapted(self, model: SentencePieceModel) -> SentencePieceModel:
        """Return a model file's pieces and scores as the architecture uses them."""
        return model

    def _set_steps(self, backend: Backend, charsmap: bytes) -> None:
        with rust_errors(f"building {type(self).__name__}"):
            backend.rust.normalizer = self.normalizer(charsmap)
            backend.rust.pre_tokenizer = self.pre_tokenizer()

    def _stated_model(
        self, vocab: Sequence[tuple[str, float]] | None, settings: Mapping[str, Any]
    ) -> SentencePieceModel:
        if vocab is None:
            names = dict.fromkeys(str(settings[name]) for name in self.default_tokens)
            vocab = [(name, 0.0) for name in names]
        pieces = tuple(Piece(text, float(score), PieceType.NORMAL) for text, score in vocab)
        unknown = str(settings["unk_token"])
        ids = [index for index, piece in enumerate(pieces) if piece.text == unknown]
        return SentencePieceModel(pieces, unk_id=ids[0] if ids else UNKNOWN)

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__


def _shown(rust: Tokenizer) -> str:
    """Return the steps before the pieces as ``tokenizer.json`` shows them."""
    parts = [part for part in (rust.normalizer, rust.pre_tokenizer) if part is not None]
    return json.dumps([json.loads(part.__getstate__()) for part in parts])


def _contradicts(rust: Tokenizer, steps: Mapping[str, bool | None]) -> bool:
    shown = _shown(rust)
    return any(
        wanted is not None and wanted != (f'"type": "{kind}"' in shown)
        for kind, wanted in steps.items()
    )
