"""Two sides of a text-to-text model: what it reads, and what it is to write.

Which side is encoded belongs to the thread (or asynchronous task) that encodes. The tokenizer is
left as it is, so threads may share it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from tokenizers.processors import PostProcessor, TemplateProcessing

from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.request import EncodeRequest
from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["SOURCE", "Side", "TwoSides"]

Marks = tuple[tuple[str, int], ...]
"""Special tokens and their ids."""


@dataclass(frozen=True)
class Side:
    """What texts are encoded for; languages, where given, stand in for the tokenizer's own.

    Ids are decoded as those of targets, unless ``decodes_sources``.
    """

    target: bool = False
    src_lang: str | None = None
    tgt_lang: str | None = None
    decodes_sources: bool = False


SOURCE = Side()

_sides: ContextVar[WeakKeyDictionary[TwoSides, Side] | None] = ContextVar("sides", default=None)
"""The side that each tokenizer is on here; never changed in place, as copied contexts share it."""


@lru_cache(maxsize=1024)
def _around(before: Marks, after: Marks) -> PostProcessor:
    """Return what puts ``before`` and ``after`` around a text, or around a pair as around one.

    Equal arguments give the same object, so that threads which ask for it share a lease.
    """
    first, last = ([token for token, _ in marks] for marks in (before, after))
    return TemplateProcessing(
        single=[*first, "$A", *last],
        pair=[*first, "$A", "$B", *last],
        special_tokens=list(dict.fromkeys((*before, *after))),
    )


class TwoSides(PreTrainedTokenizer):
    """A tokenizer that encodes targets unlike sources.

    A subclass looks at `_side` where the two differ.
    """

    @abstractmethod
    def _special_tokens_around(self) -> tuple[list[str], list[str]]:
        """Return the special tokens before and after a text of the side that is encoded."""

    @property
    def _side(self) -> Side:
        """The side that the running thread encodes."""
        sides = _sides.get()
        return SOURCE if sides is None else sides.get(self, SOURCE)

    def _go_to(self, side: Side) -> None:
        """Encode ``side`` from here on, in this thread."""
        known = _sides.get()
        sides: WeakKeyDictionary[TwoSides, Side]
        sides = WeakKeyDictionary() if known is None else known.copy()
        if side == SOURCE:
            sides.pop(self, None)
        else:
            sides[self] = side
        _sides.set(sides)

    @contextmanager
    def _on(self, side: Side) -> Iterator[None]:
        """Encode ``side`` within."""
        before = self._side
        self._go_to(side)
        try:
            yield
        finally:
            self._go_to(before)

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Encode targets within; ``text_target=`` says it for one call."""
        with self._on(replace(self._side, target=True)):
            yield

    def _switch_to_input_mode(self) -> None:
        """Encode sources from here on, in this thread."""
        self._go_to(SOURCE)

    def _switch_to_target_mode(self) -> None:
        """Encode targets from here on, in this thread."""
        self._go_to(Side(target=True))

    def _encode(self, text: Any, text_pair: Any, request: EncodeRequest) -> BatchEncoding:
        return super()._encode(text, text_pair, replace(request, processor=self._processor))

    def _encode_target(self, text: Any, text_pair: Any, request: EncodeRequest) -> BatchEncoding:
        with self.as_target_tokenizer():
            return self._encode(text, text_pair, request)

    def _marks(self) -> tuple[Marks, Marks]:
        """Return the special tokens before and after a text, with their ids."""

        def with_ids(tokens: list[str]) -> Marks:
            return tuple((token, self._token_to_id(token) or 0) for token in tokens)

        before, after = self._special_tokens_around()
        return with_ids(before), with_ids(after)

    @property
    def _processor(self) -> PostProcessor | None:
        return _around(*self._marks())

    @property
    def prefix_tokens(self) -> list[int]:
        """The ids of the special tokens before a text."""
        return [index for _, index in self._marks()[0]]

    @property
    def suffix_tokens(self) -> list[int]:
        """The ids of the special tokens after a text."""
        return [index for _, index in self._marks()[1]]

    def update_post_processor(self) -> None:
        """Let ``tokenizer.json`` put around texts what stands around sources."""
        with self._on(SOURCE):
            processor = self._processor
        with self._backend.exclusive() as rust:
            rust.post_processor = processor
