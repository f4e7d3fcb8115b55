"""SentencePiece models whose pieces get their ids from a ``vocab.json``.

The Rust tokenizer gets the pieces in the order of the vocabulary, so that most of its ids need no
correction. Pieces beyond the vocabulary, and tokens that no model knows, are looked up by their
text afterwards.
"""

from __future__ import annotations

import json
import logging
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from tokenizers import AddedToken, Encoding, Regex, Tokenizer, models, normalizers

from automodel_core.checkpoint.places.json_files import MOST_BYTES_OF_TABLES, read_json
from automodel_core.errors import CheckpointFormatError, TokenizationError, listed, shown
from automodel_core.families.fairseq.source_target import TranslationTokenizer
from automodel_core.text.encoding.added_tokens import TokenLike
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.request import EncodeRequest, Text
from automodel_core.text.encoding.rust import Backend, rust_errors
from automodel_core.text.subwords.sentencepiece import (
    HIDDEN,
    Piece,
    PieceType,
    SentencePieceModel,
    hidden_piece,
    metaspace_decoder,
    refuse_sampling,
    sentencepiece_pipeline,
)

__all__ = [
    "ExternalIdModel",
    "ExternalIdTokenizer",
    "read_vocabulary",
    "vocabulary_backend",
    "vocabulary_json",
]

logger = logging.getLogger("automodel_core")

_SPARE_IDS = 10_000
"""How far ids may go beyond the number of pieces, for a model that leaves some out."""
LEADING = "\U000f0002"
"""Replaces, within the Rust pipeline, a leading text that becomes one token."""


def read_vocabulary(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return the ids by piece of a ``vocab.json``."""
    vocabulary = read_json(Path(path), max_bytes=MOST_BYTES_OF_TABLES, unique_keys=True)
    largest = _SPARE_IDS + 4 * len(vocabulary)
    for piece, index in vocabulary.items():
        is_id = isinstance(index, int) and not isinstance(index, bool)
        if not is_id or not 0 <= index <= largest:
            raise CheckpointFormatError(
                f"{shown(str(path))}: the id of {shown(piece)} must be an integer from 0 to "
                f"{largest}, for {len(vocabulary)} pieces; got {shown(index)}"
            )
    last = {index: piece for piece, index in vocabulary.items()}
    if len(last) < len(vocabulary):
        again = [shown(piece) for piece, index in vocabulary.items() if last[index] != piece]
        logger.warning(
            "%s gives %d pieces an id that a later one has, too, and that one is decoded: %s",
            shown(str(path)), len(again), listed(again),
        )  # fmt: skip
    return vocabulary


def vocabulary_backend(vocabulary: Mapping[str, int], unk_token: str) -> Backend:
    """Return a tokenizer that maps whole pieces to ids, and joins pieces to text."""
    if unk_token not in vocabulary:
        raise TokenizationError(f"The vocabulary has no {unk_token!r}, the unknown token")
    with rust_errors("building a vocabulary"):
        rust = Tokenizer(models.WordLevel(dict(vocabulary), unk_token=unk_token))
        rust.decoder = metaspace_decoder(byte_fallback=False)
    return Backend(rust)


class ExternalIdModel:
    """A SentencePiece model whose pieces have the ids of a vocabulary.

    `segmenter` cuts texts, ``vocabulary`` holds the ids. ``leading`` is a regular expression: a
    match at the start of a text, or after an added token, becomes one token.
    """

    def __init__(
        self,
        model: SentencePieceModel,
        vocabulary: Backend,
        unk_token: str,
        leading: str | None = None,
    ) -> None:
        ids = vocabulary.rust.get_vocab(with_added_tokens=False)
        self.model = model
        self.vocabulary = vocabulary
        self.unk_token = unk_token
        self.unk_id = ids[unk_token]
        self._size = 1 + max(ids.values())
        self._added_ids: dict[int, int] = {}
        pipeline = sentencepiece_pipeline(_reordered(model, ids, self.unk_id))
        if leading is not None:
            _join_leading(pipeline, leading)
        self.segmenter = Backend(pipeline)

    def add_tokens(self, tokens: Sequence[AddedToken | str], special: bool) -> None:
        """Add tokens, which the vocabulary already has, to the segmenter.

        They are found in the text as it is written: once the space before one is a character of
        the model, it would become a piece of its own.
        """
        with self.segmenter.exclusive() as rust, rust_errors("adding tokens"):
            if special:
                rust.add_special_tokens(list(tokens))
            else:
                rust.add_tokens([_as_written(token) for token in tokens])
            self._added_ids = {
                own: index
                for own, token in rust.get_added_tokens_decoder().items()
                if (index := self.vocabulary.rust.token_to_id(token.content)) is not None
            }

    def with_vocabulary_ids(self, encoding: Encoding, text: Any) -> Encoding:
        """Return ``encoding`` of ``text`` with the vocabulary's ids."""
        parts = [encoding, *encoding.overflowing]
        if all(
            max(part.ids, default=0) < self._size and self.unk_id not in part.ids for part in parts
        ):
            return encoding
        state = json.loads(encoding.__getstate__())
        for part in [state, *state["overflowing"]]:
            self._correct(part, text, pair=encoding.n_sequences == 2)
        corrected = Encoding()
        corrected.__setstate__(json.dumps(state).encode())
        return corrected

    def _correct(self, state: dict[str, Any], text: Any, *, pair: bool) -> None:
        ids, tokens, offsets = state["ids"], state["tokens"], state["offsets"]
        whole = {"0": {"start": 0, "end": len(ids)}}
        for sequence, span in (state["sequence_ranges"] or whole).items():
            source = text[int(sequence)] if pair else text
            end = 0
            for place in range(span["start"], span["end"]):
                index = ids[place]
                words = source if isinstance(source, str) else source[state["words"][place]]
                if LEADING in tokens[place]:
                    # The library gives only the last character of the text that was replaced.
                    offsets[place][0] = end
                end = offsets[place][1]
                if LEADING in tokens[place]:
                    tokens[place] = words[slice(*offsets[place])]
                elif HIDDEN in tokens[place]:
                    tokens[place] = self._unknown(words[slice(*offsets[place])])
                if index in self._added_ids:
                    ids[place] = self._added_ids[index]
                elif index >= self._size or index == self.unk_id:
                    known = self.vocabulary.rust.token_to_id(tokens[place])
                    ids[place] = self.unk_id if known is None else known

    def _unknown(self, text: str) -> str:
        """Return ``text``, a token unknown to the model, or ``unk_token`` if its offsets are wrong.

        If the model knows one of the characters, normalisation has shifted the offsets.
        """
        piece = self.segmenter.rust.token_to_id
        return text if all(piece(character) is None for character in text) else self.unk_token


def _as_written(token: AddedToken | str) -> AddedToken:
    """Return a token that is matched before a text is normalised."""
    if isinstance(token, str):
        return AddedToken(token, normalized=False)
    rules = {"single_word": token.single_word, "lstrip": token.lstrip, "rstrip": token.rstrip}
    return AddedToken(token.content, **rules, normalized=False, special=token.special)


def _reordered(
    model: SentencePieceModel, vocabulary: Mapping[str, int], unk_id: int
) -> SentencePieceModel:
    """Return ``model`` with each piece at its id; pieces without an id come last."""
    kinds = (PieceType.NORMAL, PieceType.USER_DEFINED, PieceType.BYTE)
    known = {piece.text: piece for piece in model.pieces if piece.type in kinds}
    places: list[Piece | None] = [None] * (1 + max(vocabulary.values()))
    for text, index in vocabulary.items():
        places[index] = known.get(text, places[index])
    pieces = [piece or hidden_piece(index) for index, piece in enumerate(places)]
    pieces += [piece for text, piece in known.items() if text not in vocabulary]
    return replace(model, pieces=tuple(pieces), unk_id=unk_id)


def _join_leading(rust: Tokenizer, leading: str) -> None:
    """Let a match of ``leading`` at the start of a part be one token, whatever the model says."""
    first = normalizers.Replace(Regex(rf"\A{leading}"), LEADING)
    rest = rust.normalizer
    rust.normalizer = first if rest is None else normalizers.Sequence([first, rest])
    rust.add_tokens([AddedToken(LEADING, normalized=True)])


class ExternalIdTokenizer(TranslationTokenizer):
    """A tokenizer whose pieces get their ids from a vocabulary; targets may have their own model.

    ``tokenizer.json`` cannot express this, so only the vocabulary files are written.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {"vocab_file": "vocab.json"}

    def __init__(
        self, *, source: ExternalIdModel, target: ExternalIdModel | None = None, **settings: Any
    ) -> None:
        refuse_sampling(settings)
        self._models = (source, source if target is None else target)
        super().__init__(tokenizer_object=source.vocabulary, **settings)

    @abstractmethod
    def _files(self) -> dict[str, bytes]:
        """Return the content of the vocabulary files by name."""

    @property
    def _encoding_backend(self) -> Backend:
        return self._models[self._side.target].vocabulary

    @property
    def _decoding_backend(self) -> Backend:
        return self._models[not self._side.decodes_sources].vocabulary

    def add_tokens(
        self, new_tokens: TokenLike | Sequence[TokenLike], special_tokens: bool = False
    ) -> int:
        """Add tokens that the vocabulary lacks, and return how many there were."""
        tokens = [new_tokens] if isinstance(new_tokens, str | AddedToken) else list(new_tokens)
        count = super().add_tokens(tokens, special_tokens)
        source, target = self._models
        if target.vocabulary is not source.vocabulary:
            with target.vocabulary.exclusive() as rust, rust_errors("adding tokens"):
                rust.add_special_tokens(tokens) if special_tokens else rust.add_tokens(tokens)
        for model in {id(model): model for model in self._models}.values():
            model.add_tokens(tokens, special_tokens)
        return count

    def _id_to_token(self, index: int) -> str | None:
        token = super()._id_to_token(index)
        return self.unk_token if token is None else token

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        model = self._models[self._side.target]
        request = replace(request, processor=self._post_processor)
        return self._encode_with(
            model.segmenter, text, text_pair, request, model.with_vocabulary_ids
        )

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        use_source_tokenizer: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the text of a target's ids, or of a source's with ``use_source_tokenizer``."""
        with self._switched_to(replace(self._side, decodes_sources=use_source_tokenizer)):
            texts: Any = super().decode(
                token_ids, skip_special_tokens, clean_up_tokenization_spaces, **kwargs
            )
        return texts.strip() if isinstance(texts, str) else [text.strip() for text in texts]

    def train_new_from_iterator(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refuse: such models are trained by SentencePiece."""
        raise TokenizationError(
            f"{type(self).__name__} is made of SentencePiece models, which this library reads and "
            "does not train: train one with the sentencepiece package"
        )

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return True

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write the models and the vocabularies, and return their paths."""
        start = f"{filename_prefix}-" if filename_prefix else ""
        written = []
        for name, content in self._files().items():
            path = Path(save_directory, start + name)
            path.write_bytes(content)
            written.append(str(path))
        return tuple(written)


def vocabulary_json(vocabulary: Backend) -> bytes:
    """Return the content of the ``vocab.json`` of a vocabulary."""
    ids = vocabulary.rust.get_vocab(with_added_tokens=False)
    ordered = dict(sorted(ids.items(), key=lambda item: item[1]))
    return json.dumps(ordered, ensure_ascii=False, indent=2).encode()
