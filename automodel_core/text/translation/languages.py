"""Tokenizers of many languages: each text carries the code of its own.

The code of the source language stands around what a model reads, that of the target language around
what it is to write.
"""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar

from automodel_core.errors import TokenizationError, shown
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.translation.source_target import Side, TwoSides

__all__ = ["Languages"]


class Languages(TwoSides):
    """A tokenizer with a source and a target language.

    ``src_lang`` and ``tgt_lang`` are its languages; a call's own arguments of these names stand in
    for them. Targets are in the source language while ``tgt_lang`` is ``None``.
    """

    default_languages: ClassVar[tuple[str, str]]
    """The source language of a tokenizer that names none, and the target language that
    `prepare_seq2seq_batch` then assumes."""

    def __init__(
        self, *, src_lang: str | None = None, tgt_lang: str | None = None, **settings: Any
    ) -> None:
        self._src_lang = self.default_languages[0] if src_lang is None else src_lang
        self._tgt_lang = tgt_lang
        super().__init__(src_lang=src_lang, tgt_lang=tgt_lang, **settings)
        for language in (self._src_lang, *(() if tgt_lang is None else (tgt_lang,))):
            self._known(language)
        self.update_post_processor()

    @abstractmethod
    def _codes(self) -> Sequence[str]:
        """Return the codes of the languages, in the order of their tokens' ids."""

    @abstractmethod
    def _around(self, language: str) -> tuple[list[str], list[str]]:
        """Return the special tokens before and after a text whose language has this token."""

    def _token_of(self, language: str) -> str:
        """Return the token of a language code; here the code itself."""
        return language

    def _id_of(self, language: str) -> int:
        return self._token_to_id(self._token_of(language)) or 0

    def _has(self, language: str) -> bool:
        return self._backend.rust.token_to_id(self._token_of(language)) is not None

    def _known(self, language: str) -> str:
        """Return ``language`` if there is a token for it, that of a language added later too."""
        codes = self._codes()
        if (language in codes and self._has(language)) or (
            isinstance(language, str) and self._token_of(language) in self.added_tokens_encoder
        ):
            return language
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
        self._src_lang = self.init_kwargs["src_lang"] = self._known(language)
        self._switch_to_input_mode()
        self.update_post_processor()

    @property
    def tgt_lang(self) -> str | None:
        return self._tgt_lang

    @tgt_lang.setter
    def tgt_lang(self, language: str | None) -> None:
        self._tgt_lang = None if language is None else self._known(language)
        self.init_kwargs["tgt_lang"] = language

    @property
    def lang_code_to_id(self) -> dict[str, int]:
        return {code: self._id_of(code) for code in self._codes() if self._has(code)}

    @property
    def id_to_lang_code(self) -> dict[int, str]:
        return {index: code for code, index in self.lang_code_to_id.items()}

    @property
    def _language(self) -> str:
        """The language of the texts that the running thread encodes."""
        side = self._side
        source = side.src_lang or self._src_lang
        return (side.tgt_lang or self._tgt_lang or source) if side.target else source

    @property
    def cur_lang_code(self) -> int:
        """The id of the language of what is being encoded."""
        return self._id_of(self._language)

    @property
    def cur_lang_code_id(self) -> int:
        return self.cur_lang_code

    def _special_tokens_around(self) -> tuple[list[str], list[str]]:
        return self._around(self._token_of(self._language))

    def _speaking(self, src_lang: str | None, tgt_lang: str | None) -> AbstractContextManager[None]:
        """Encode in these languages within."""
        side = self._side
        return self._on(
            replace(
                side,
                src_lang=side.src_lang if src_lang is None else self._known(src_lang),
                tgt_lang=side.tgt_lang if tgt_lang is None else self._known(tgt_lang),
            )
        )

    def __call__(
        self, *texts: Any, src_lang: str | None = None, tgt_lang: str | None = None, **options: Any
    ) -> BatchEncoding:
        """Encode as `PreTrainedTokenizer` does; languages given here hold for this call."""
        if src_lang is None and tgt_lang is None:
            return super().__call__(*texts, **options)
        with self._speaking(src_lang, tgt_lang):
            return super().__call__(*texts, **options)

    def set_src_lang_special_tokens(self, src_lang: str) -> None:
        """Encode sources in ``src_lang`` from here on, in this thread."""
        self._go_to(Side(src_lang=self._known(src_lang)))

    def set_tgt_lang_special_tokens(self, tgt_lang: str) -> None:
        """Encode targets in ``tgt_lang`` from here on, in this thread."""
        self._go_to(Side(target=True, tgt_lang=self._known(tgt_lang)))

    def prepare_seq2seq_batch(  # type: ignore[override]  # the order that callers know
        self,
        src_texts: Sequence[str],
        src_lang: str | None = None,
        tgt_texts: Sequence[str] | None = None,
        tgt_lang: str | None = None,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Take on the languages, and encode sources, and targets as ``labels``."""
        self.src_lang = src_lang or self._src_lang
        self.tgt_lang = tgt_lang or self._tgt_lang or self.default_languages[1]
        with self._speaking(self.src_lang, self.tgt_lang):
            return super().prepare_seq2seq_batch(src_texts, tgt_texts, **kwargs)

    def _build_translation_inputs(
        self,
        raw_inputs: Any,
        return_tensors: str | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode what ``generate`` translates into ``tgt_lang``."""
        if src_lang is None or tgt_lang is None:
            raise TokenizationError("Translation needs a src_lang and a tgt_lang")
        target = self._id_of(self._known(tgt_lang))
        inputs = self(raw_inputs, src_lang=src_lang, return_tensors=return_tensors, **options)
        inputs["forced_bos_token_id"] = target
        return inputs
