"""T5's tokenizer: a SentencePiece vocabulary, sentinels ``<extra_id_0>``..., ``A </s> B </s>``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.normalizers import Precompiled
from tokenizers.processors import TemplateProcessing

from automodel_core.errors import TokenizationError, shown
from automodel_core.fields import Range
from automodel_core.text import (
    SPACE,
    Backend,
    Piece,
    PieceType,
    SentencePieceModel,
    SentencePieceTokenizer,
    backend_from,
    refuse_sampling,
    rust_errors,
    sentencepiece_pipeline,
)

SENTINEL = re.compile(r"<extra_id_\d+>")


class T5Tokenizer(SentencePieceTokenizer):
    """Unigram from ``spiece.model`` or ``tokenizer.json``; serves T5, mT5 and UMT5.

    ``legacy=False`` cuts a ``spiece.model`` exactly as SentencePiece does: text right after a
    sentinel gets no space of its own. Otherwise, as T5's published ``tokenizer.json``, it gets one.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "spiece.model",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "attention_mask")

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Sequence[tuple[str, float]] | None = None,
        eos_token: str | AddedToken = "</s>",  # noqa: S107
        unk_token: str | AddedToken = "<unk>",  # noqa: S107
        pad_token: str | AddedToken = "<pad>",  # noqa: S107
        extra_ids: Annotated[int, Range(0, 10_000)] = 100,
        additional_special_tokens: Sequence[str | AddedToken] | None = None,
        *,
        legacy: bool | None = None,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        refuse_sampling(settings)
        extra = settings.pop("extra_special_tokens", None)
        if isinstance(extra, list | tuple):
            additional_special_tokens = [*(additional_special_tokens or ()), *extra]
        elif extra is not None:
            settings["extra_special_tokens"] = extra
        additional = _with_sentinels(additional_special_tokens, extra_ids)
        if isinstance(vocab, str | os.PathLike):
            vocab, vocab_file = None, vocab
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        user_defined: list[str] = []
        if backend is None:
            if vocab is not None or vocab_file is None:
                model = _stated_model(vocab, (str(pad_token), str(eos_token), str(unk_token)))
                sentinels = () if vocab is not None else _sentinels(extra_ids)
            else:
                model = SentencePieceModel.read(vocab_file)
                sentinels = _sentinels(extra_ids)
            present = {piece.text for piece in model.pieces}
            sentinels = tuple(token for token in sentinels if token not in present)
            backend = Backend(_pipeline(model, sentinels, exact=legacy is False))
            if legacy is False:
                # The model itself prefers its user-defined pieces; sentinels swallow spaces.
                additional = [_stripping(token) for token in additional]
            else:
                defined = model.of_type(PieceType.USER_DEFINED)
                user_defined = [text for text in defined if SENTINEL.fullmatch(text) is None]
        super().__init__(
            tokenizer_object=backend,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            extra_ids=extra_ids,
            additional_special_tokens=additional,
            legacy=legacy,
            **settings,
        )
        self.legacy = legacy
        self.vocab_file = None if vocab_file is None else os.fspath(vocab_file)
        self._extra_ids = extra_ids
        self.add_tokens([AddedToken(text, normalized=False) for text in user_defined])
        eos = str(self.eos_token)
        with self._backend.exclusive() as shared, rust_errors("setting T5's template"):
            shared.post_processor = TemplateProcessing(
                single=["$A", eos],
                pair=["$A", eos, "$B", eos],
                special_tokens=[(eos, self.eos_token_id)],
            )

    def get_sentinel_tokens(self) -> list[str]:
        """Return the ``<extra_id_N>`` tokens, in the order of the additional special tokens."""
        return [token for token in self.additional_special_tokens if SENTINEL.search(token)]

    def get_sentinel_token_ids(self) -> list[int]:
        ids: list[int] = self.convert_tokens_to_ids(self.get_sentinel_tokens())
        return ids

    @property
    def saved_class_name(self) -> str:
        return "T5Tokenizer"


def _sentinels(count: int) -> tuple[str, ...]:
    """Return the sentinels in the order of their ids: the last has the lowest."""
    return tuple(f"<extra_id_{index}>" for index in reversed(range(count)))


def _with_sentinels(
    tokens: Sequence[str | AddedToken] | None, count: int
) -> list[str | AddedToken]:
    given = list(tokens or ())
    sentinels = [token for token in given if "<extra_id_" in str(token)]
    if not sentinels:
        return given + [f"<extra_id_{index}>" for index in range(count)]
    if count > 0 and count != len(sentinels):
        raise TokenizationError(
            f"extra_ids={count} and the {len(sentinels)} sentinels in additional_special_tokens "
            f"contradict each other: {shown([str(token) for token in sentinels])}"
        )
    return given


def _stripping(token: str | AddedToken) -> str | AddedToken:
    """Return a sentinel with the rules of T5's first tokenizer: spaces beside it belong to it."""
    if isinstance(token, AddedToken) or SENTINEL.fullmatch(token) is None:
        return token
    return AddedToken(token, lstrip=True, rstrip=True, normalized=False, special=True)


def _stated_model(
    vocab: Sequence[tuple[str, float]] | None, special: tuple[str, str, str]
) -> SentencePieceModel:
    """Return the model of a vocabulary given as pieces and scores, or of the smallest one."""
    pairs = [(text, 0.0) for text in special] + [(SPACE, -2.0)] if vocab is None else vocab
    pieces = tuple(Piece(text, float(score), PieceType.NORMAL) for text, score in pairs)
    return SentencePieceModel(pieces, unk_id=2)


def _pipeline(model: SentencePieceModel, sentinels: tuple[str, ...], *, exact: bool) -> Tokenizer:
    rust = sentencepiece_pipeline(model, prepend="first" if exact else "always", extra=sentinels)
    if exact:
        return rust
    # What T5's published tokenizer.json does: cut at spaces first, whatever the model file says.
    with rust_errors("building T5's tokenizer"):
        rust.normalizer = Precompiled(model.charsmap) if model.charsmap else None
        rust.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always"),
            ]
        )
    return rust


T5TokenizerFast = T5Tokenizer
