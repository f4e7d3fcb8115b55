"""Tokenizers of many languages: special tokens mark the language of each text.

A source has the code of the source language before or after it, a target that of the target's.
"""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.errors import TokenizationError, shown
from automodel_core.families.fairseq.source_target import EncodingSide, TranslationTokenizer
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.request import EncodeOptions, Text

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["MultilingualTokenizer"]


class MultilingualTokenizer(TranslationTokenizer):
    """A tokenizer with a source and a target language.

    ``src_lang`` and ``tgt_lang`` are its languages; a call's arguments of these names override
    them. While ``tgt_lang`` is ``None``, targets get the code of the source language.
    """

    default_languages: ClassVar[tuple[str, str]]
    """The default source language, and the default target of `prepare_seq2seq_batch`."""

    def __init__(
        self, *, src_lang: str | None = None, tgt_lang: str | None = None, **settings: Any
    ) -> None:
        self._src_lang = self.default_languages[0] if src_lang is None else src_lang
        self._tgt_lang = tgt_lang
        super().__init__(src_lang=src_lang, tgt_lang=tgt_lang, **settings)
        for language in (self._src_lang, *(() if tgt_lang is None else (tgt_lang,))):
            self._checked_language(language)
        self.update_post_processor()

    @abstractmethod
    def _language_codes(self) -> Sequence[str]:
        """Return the codes of the languages, in the order of their tokens' ids."""

    @abstractmethod
    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        """Return the special tokens before and after a text, given its language's token."""

    def _language_token(self, language: str) -> str:
        """Return the token of a language code: by default the code itself."""
        return language

    def _language_id(self, language: str) -> int:
        return self._token_to_id(self._language_token(language)) or 0

    def _has(self, language: str) -> bool:
        return self._backend.rust.token_to_id(self._language_token(language)) is not None

    def _checked_language(self, language: str) -> str:
        """Return ``language`` if it has a token, perhaps one that was added later."""
        codes = self._language_codes()
        if (language in codes and self._has(language)) or (
            isinstance(language, str)
            and self._language_token(language) in self.added_tokens_encoder
        ):
            return language
        if language in codes:
            raise TokenizationError(
                f"{shown(language)} is not a language of this {type(self).__name__}: "
                "additional_special_tokens= replaced the tokens of its languages; add those that "
                "are to stay, with add_special_tokens"
            )
        close = difflib.get_close_matches(str(language), codes, 3, 0.4)
        raise TokenizationError(
            f"{shown(language)} is not a language of this {type(self).__name__}; "
            f"{'close are' if close else 'known are'} {', '.join(close or codes)}"
        )

    @property
    def src_lang(self) -> str:
        return self._src_lang

    @src_lang.setter
    def src_lang(self, language: str) -> None:
        self._src_lang = self.init_kwargs["src_lang"] = self._checked_language(language)
        self._switch_to_input_mode()
        self.update_post_processor()

    @property
    def tgt_lang(self) -> str | None:
        return self._tgt_lang

    @tgt_lang.setter
    def tgt_lang(self, language: str | None) -> None:
        self._tgt_lang = None if language is None else self._checked_language(language)
        self.init_kwargs["tgt_lang"] = language

    @property
    def lang_code_to_id(self) -> dict[str, int]:
        return {code: self._language_id(code) for code in self._language_codes() if self._has(code)}

    @property
    def id_to_lang_code(self) -> dict[int, str]:
        return {index: code for code, index in self.lang_code_to_id.items()}

    @property
    def _language(self) -> str:
        """The language that the running thread encodes."""
        side = self._side
        source = side.src_lang or self._src_lang
        return (side.tgt_lang or self._tgt_lang or source) if side.target else source

    @property
    def cur_lang_code(self) -> int:
        """The id of the current language's token."""
        return self._language_id(self._language)

    @property
    def cur_lang_code_id(self) -> int:
        return self.cur_lang_code

    def _prefix_and_suffix(self) -> tuple[list[str], list[str]]:
        return self._prefix_and_suffix_of(self._language_token(self._language))

    def _in_languages(
        self, src_lang: str | None, tgt_lang: str | None
    ) -> AbstractContextManager[None]:
        """Encode in these languages within the block."""
        side = self._side
        return self._switched_to(
            replace(
                side,
                src_lang=side.src_lang if src_lang is None else self._checked_language(src_lang),
                tgt_lang=side.tgt_lang if tgt_lang is None else self._checked_language(tgt_lang),
            )
        )

    def __call__(
        self,
        text: Text | None = None,
        text_pair: Text | None = None,
        text_target: Text | None = None,
        text_pair_target: Text | None = None,
        *unnamed: Any,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Unpack[EncodeOptions],
    ) -> BatchEncoding:
        """Encode as `PreTrainedTokenizer` does; languages given here apply to this call only."""
        encode: Callable[..., BatchEncoding] = super().__call__
        texts = (text, text_pair, text_target, text_pair_target)
        if src_lang is None and tgt_lang is None:
            return encode(*texts, *unnamed, **options)
        with self._in_languages(src_lang, tgt_lang):
            return encode(*texts, *unnamed, **options)

    @classmethod
    def accepts(cls, key: str) -> bool:
        return key in ("src_lang", "tgt_lang") or super().accepts(key)

    def set_src_lang_special_tokens(self, src_lang: str) -> None:
        """Encode sources in ``src_lang`` from here on, in this thread."""
        self._switch_to(EncodingSide(src_lang=self._checked_language(src_lang)))

    def set_tgt_lang_special_tokens(self, tgt_lang: str) -> None:
        """Encode targets in ``tgt_lang`` from here on, in this thread."""
        self._switch_to(EncodingSide(target=True, tgt_lang=self._checked_language(tgt_lang)))

    def prepare_seq2seq_batch(  # type: ignore[override]  # the order that callers know
        self,
        src_texts: Sequence[str],
        src_lang: str | None = None,
        tgt_texts: Sequence[str] | None = None,
        tgt_lang: str | None = None,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Set the languages, and encode sources, and targets as ``labels``."""
        self.src_lang = src_lang or self._src_lang
        self.tgt_lang = tgt_lang or self._tgt_lang or self.default_languages[1]
        with self._in_languages(self.src_lang, self.tgt_lang):
            return super().prepare_seq2seq_batch(src_texts, tgt_texts, **kwargs)

    def _build_translation_inputs(
        self,
        raw_inputs: Any,
        return_tensors: str | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode texts for ``generate`` to translate into ``tgt_lang``."""
        if src_lang is None or tgt_lang is None:
            raise TokenizationError("Translation needs a src_lang and a tgt_lang")
        target = self._language_id(self._checked_language(tgt_lang))
        inputs = self(raw_inputs, src_lang=src_lang, return_tensors=return_tensors, **options)
        inputs["forced_bos_token_id"] = target
        return inputs
