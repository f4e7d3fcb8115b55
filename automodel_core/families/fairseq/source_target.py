"""Tokenizers that encode the target of a translation differently from its source.

Which side is encoded belongs to the thread (or asynchronous task) that encodes. The tokenizer
itself does not change, so threads may share it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import WeakKeyDictionary

from tokenizers.processors import PostProcessor, TemplateProcessing

from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.request import EncodeRequest, Text
from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["SOURCE", "EncodingSide", "TranslationTokenizer"]

SpecialIds = tuple[tuple[str, int], ...]
"""Special tokens with their ids."""


@dataclass(frozen=True)
class EncodingSide:
    """The side of a translation that is encoded; its languages override the tokenizer's.

    Ids are decoded as those of targets, unless ``decodes_sources``.
    """

    target: bool = False
    src_lang: str | None = None
    tgt_lang: str | None = None
    decodes_sources: bool = False


SOURCE = EncodingSide()

_sides: ContextVar[WeakKeyDictionary[TranslationTokenizer, EncodingSide] | None] = ContextVar(
    "sides", default=None
)
"""The current side of each tokenizer; never changed in place, as copied contexts share it."""


@lru_cache(maxsize=1024)
def affix_processor(prefix: SpecialIds, suffix: SpecialIds) -> PostProcessor:
    """Return a post-processor that adds both to a text or a concatenated pair.

    Equal arguments give the same object, so that threads which ask for it share a lease.
    """
    first, last = ([token for token, _ in tokens] for tokens in (prefix, suffix))
    return TemplateProcessing(
        single=[*first, "$A", *last],
        pair=[*first, "$A", "$B", *last],
        special_tokens=list(dict.fromkeys((*prefix, *suffix))),
    )


class TranslationTokenizer(PreTrainedTokenizer):
    """A tokenizer that encodes targets differently from sources.

    A subclass reads `_side` where the two differ.
    """

    encodes_by_backend = False

    @abstractmethod
    def _prefix_and_suffix(self) -> tuple[list[str], list[str]]:
        """Return the special tokens before and after a text of the current side."""

    @property
    def _side(self) -> EncodingSide:
        """The side that the running thread encodes."""
        sides = _sides.get()
        return SOURCE if sides is None else sides.get(self, SOURCE)

    def _switch_to(self, side: EncodingSide) -> None:
        """Encode ``side`` from here on, in this thread."""
        known = _sides.get()
        sides: WeakKeyDictionary[TranslationTokenizer, EncodingSide]
        sides = WeakKeyDictionary() if known is None else known.copy()
        if side == SOURCE:
            sides.pop(self, None)
        else:
            sides[self] = side
        _sides.set(sides)

    @contextmanager
    def _switched_to(self, side: EncodingSide) -> Iterator[None]:
        """Encode ``side`` within the block."""
        before = self._side
        self._switch_to(side)
        try:
            yield
        finally:
            self._switch_to(before)

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Encode targets within the block; ``text_target=`` does so for one call."""
        with self._switched_to(replace(self._side, target=True)):
            yield

    def _switch_to_input_mode(self) -> None:
        """Encode sources from here on, in this thread."""
        self._switch_to(SOURCE)

    def _switch_to_target_mode(self) -> None:
        """Encode targets from here on, in this thread."""
        self._switch_to(EncodingSide(target=True))

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        return super()._encode(text, text_pair, replace(request, processor=self._post_processor))

    def _encode_target(
        self, text: Text, text_pair: Text | None, request: EncodeRequest
    ) -> BatchEncoding:
        with self.as_target_tokenizer():
            return self._encode(text, text_pair, request)

    def _special_ids(self) -> tuple[SpecialIds, SpecialIds]:
        """Return the special tokens before and after a text, with their ids."""

        def with_ids(tokens: list[str]) -> SpecialIds:
            return tuple((token, self._token_to_id(token) or 0) for token in tokens)

        prefix, suffix = self._prefix_and_suffix()
        return with_ids(prefix), with_ids(suffix)

    @property
    def _post_processor(self) -> PostProcessor | None:
        return affix_processor(*self._special_ids())

    @property
    def prefix_tokens(self) -> list[int]:
        """The ids of the special tokens before a text."""
        return [index for _, index in self._special_ids()[0]]

    @property
    def suffix_tokens(self) -> list[int]:
        """The ids of the special tokens after a text."""
        return [index for _, index in self._special_ids()[1]]

    def update_post_processor(self) -> None:
        """Save the source side's special tokens as ``tokenizer.json``'s post-processor."""
        with self._switched_to(SOURCE):
            processor = self._post_processor
        with self._backend.exclusive() as rust:
            rust.post_processor = processor
