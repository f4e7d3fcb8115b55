"""WordPiece: words split at spaces and punctuation, then into the longest known pieces."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, listed, shown
from automodel_core.text.encoding.added_tokens import TokenLike, with_default_tokens
from automodel_core.text.encoding.post_processor import typed_pairs_processor
from automodel_core.text.encoding.rust import Backend, backend_from, rust_errors
from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["WordPieceTokenizer"]

logger = logging.getLogger(__name__)


class WordPieceTokenizer(PreTrainedTokenizer):
    """WordPiece from a list of tokens (a path or a dict of ids) or ``tokenizer.json``.

    ``strip_accents=None`` follows ``do_lower_case``. Words in ``never_split`` that the vocabulary
    holds are never split.
    """

    default_tokens: ClassVar[Mapping[str, TokenLike]]
    """The special tokens by name; without a vocabulary file they are the whole vocabulary."""
    first_token: ClassVar[str | None] = None
    """Name of the special token before a text; ``sep_token`` follows each text."""
    composes: ClassVar[bool] = False
    """Whether text is normalised to NFC (accents composed) first."""
    decoder: ClassVar[decoders.Decoder] = decoders.WordPiece(prefix="##")

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Mapping[str, int] | None = None,
        do_lower_case: bool = True,
        *,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        never_split: Sequence[str] | None = None,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        settings = with_default_tokens(settings, self.default_tokens)
        source = vocab if vocab is not None else vocab_file
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        is_new = backend is None
        if backend is None:
            if source is None:
                tokens = dict.fromkeys(str(settings[name]) for name in self.default_tokens)
                source = {token: index for index, token in enumerate(tokens)}
            backend = Backend(self._pipeline(source, str(settings["unk_token"])))
        if is_new or _has_word_normalizer(backend.rust):
            backend.rust.normalizer = self._normalizer(
                do_lower_case, tokenize_chinese_chars, strip_accents
            )
        super().__init__(
            tokenizer_object=backend,
            do_lower_case=do_lower_case,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            never_split=None if never_split is None else list(never_split),
            **settings,
        )
        self.do_lower_case = do_lower_case
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents
        self._never_split(never_split or ())
        self.update_post_processor()

    def _pipeline(
        self, source: str | os.PathLike[str] | Mapping[str, int], unk_token: str
    ) -> Tokenizer:
        vocabulary = dict(source) if isinstance(source, Mapping) else _read_vocabulary(Path(source))
        with rust_errors(f"building {type(self).__name__}"):
            rust = Tokenizer(models.WordPiece(vocabulary, unk_token=unk_token))
            rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            rust.decoder = self.decoder
        return rust

    def _normalizer(
        self, lowercase: bool, chinese: bool, strip_accents: bool | None
    ) -> normalizers.Normalizer:
        if not self.composes:
            return normalizers.BertNormalizer(True, chinese, strip_accents, lowercase)
        clean = normalizers.BertNormalizer(True, chinese, False, False)
        fold = normalizers.BertNormalizer(False, False, strip_accents, lowercase)
        return normalizers.Sequence([clean, normalizers.NFC(), fold])

    def _never_split(self, words: Sequence[str]) -> None:
        if not words:
            return
        vocabulary = self.get_vocab()
        unknown = [word for word in words if word not in vocabulary]
        if unknown:
            logger.warning("never_split has words that the vocabulary lacks: %s", shown(unknown))
        self.add_tokens([AddedToken(w, normalized=False) for w in words if w in vocabulary])

    def update_post_processor(self) -> None:
        """Put the special tokens around the texts; the second of a pair has type id 1."""
        first = None if self.first_token is None else self.needed_token(self.first_token)
        sep = self.needed_token("sep_token")
        with self._backend.exclusive() as rust, rust_errors("setting the special tokens"):
            rust.post_processor = typed_pairs_processor(first, sep)

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return type(self.backend_tokenizer.model).__name__ == "WordPiece"

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write the list of tokens, each on the line of its id; an id without a token is empty."""
        vocabulary = self.backend_tokenizer.get_vocab(with_added_tokens=False)
        lines = [""] * (1 + max(vocabulary.values(), default=-1))
        for token, index in vocabulary.items():
            lines[index] = token
        name = self.vocab_files_names["vocab_file"]
        path = Path(save_directory, f"{filename_prefix}-{name}" if filename_prefix else name)
        path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))
        return (str(path),)


def _has_word_normalizer(rust: Tokenizer) -> bool:
    """Return whether a tokenizer's normaliser is one that the settings here describe."""
    if rust.normalizer is None:
        return False
    state = json.loads(rust.normalizer.__getstate__())
    parts = state.get("normalizers", [state])
    return any(part["type"] == "BertNormalizer" for part in parts)


def _read_vocabulary(path: Path) -> dict[str, int]:
    """Return the ids of a list of tokens: a token's id is the number of its line, from 0."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"There is no vocabulary file {shown(str(path))}") from error
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is not UTF-8: {error}") from error
    if lines[-1] == "":
        lines.pop()
    tokens = [line.removesuffix("\r") for line in lines]
    if not any(tokens):
        raise CheckpointFormatError(
            f"{shown(str(path))} holds no tokens: a token a line is expected"
        )
    ids = {token: index for index, token in enumerate(tokens)}
    if len(ids) < len(tokens):
        again = [token for index, token in enumerate(tokens) if ids[token] != index]
        logger.warning(
            "%s has %d tokens more than once, the last place counts: %s",
            shown(str(path)), len(again), listed([shown(token) for token in again]),
        )  # fmt: skip
    return ids
