"""The Rust tokenizer with the core's exceptions, and safe to share between threads.

A `tokenizers.Tokenizer` keeps truncation, padding and the post-processor as state, so that two
threads which ask for different ones would overwrite each other's. Here a call leases the tokenizer
with the settings it needs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.processors import PostProcessor

from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    TokenizationError,
    shown,
)
from automodel_core.text.encoding.growth import check_growth, check_pipeline
from automodel_core.text.encoding.post_processor import check_template

__all__ = ["LARGEST_ID", "Backend", "backend_from", "rust_errors", "stored_defaults"]

LARGEST_ID = 2**32 - 1
"""The library keeps ids in 32 bits."""


@contextmanager
def rust_errors(doing: str) -> Iterator[None]:
    """Turn whatever the Rust library raises, panics included, into `TokenizationError`."""
    try:
        yield
    except TokenizationError:
        raise
    except BaseException as error:
        # A panic is a BaseException of a class that cannot be imported.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise TokenizationError(f"{doing} failed: {shown(str(error), 500)}") from error
        raise


class Backend:
    """One `tokenizers.Tokenizer` and the lease that guards its settings."""

    def __init__(self, rust: Tokenizer) -> None:
        self.rust = rust
        self._own: PostProcessor | None = None
        self._borrowed: PostProcessor | None = None
        self._reset_lease()

    def _reset_lease(self) -> None:
        self._process = os.getpid()
        self._gate = threading.Lock()
        self._idle = threading.Condition()
        self._active = 0

    @classmethod
    def from_json(cls, text: str, name: str) -> Backend:
        with rust_errors(f"reading the tokenizer file {name!r}"):
            return cls(Tokenizer.from_str(text))

    def to_json(self, *, pretty: bool = True) -> str:
        """Return the content of ``tokenizer.json``, without the last call's settings."""
        with self.exclusive() as rust, rust_errors("writing the tokenizer"):
            rust.no_truncation()
            rust.no_padding()
            return rust.to_str(pretty=pretty)

    @property
    def processor(self) -> PostProcessor | None:
        """The tokenizer's own post-processor, even while a call uses another one."""
        self._forget_parent()
        with self._gate:
            return self.rust.post_processor if self._borrowed is None else self._own

    @contextmanager
    def exclusive(self) -> Iterator[Tokenizer]:
        """Yield the tokenizer when no call uses it, and let none start meanwhile."""
        self._forget_parent()
        with self._gate:
            with self._idle:
                self._idle.wait_for(lambda: self._active == 0)
            self._use_processor(None)
            yield self.rust

    @contextmanager
    def leased(
        self,
        truncation: Mapping[str, Any] | None,
        split_special: bool,
        processor: PostProcessor | None = None,
    ) -> Iterator[Tokenizer]:
        """Yield the tokenizer with these settings; calls with equal settings run side by side.

        ``processor`` replaces the tokenizer's own post-processor.
        """
        self._forget_parent()
        with self._gate:
            if not self._has(truncation, split_special) or processor is not self._borrowed:
                with self._idle:
                    self._idle.wait_for(lambda: self._active == 0)
                self._set(truncation, split_special)
                self._use_processor(processor)
            with self._idle:
                self._active += 1
        try:
            yield self.rust
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def _has(self, truncation: Mapping[str, Any] | None, split_special: bool) -> bool:
        rust = self.rust
        return (
            rust.padding is None
            and rust.truncation == truncation
            and rust.encode_special_tokens == split_special
        )

    def _set(self, truncation: Mapping[str, Any] | None, split_special: bool) -> None:
        with rust_errors("setting the truncation"):
            self.rust.no_padding()
            self.rust.encode_special_tokens = split_special
            if truncation is None:
                self.rust.no_truncation()
            else:
                self.rust.enable_truncation(**truncation)

    def _use_processor(self, processor: PostProcessor | None) -> None:
        """Replace the tokenizer's own post-processor by ``processor``; ``None`` restores it."""
        if processor is self._borrowed:
            return
        if self._borrowed is None:
            self._own = self.rust.post_processor
        self._borrowed = processor
        self.rust.post_processor = self._own if processor is None else processor

    def _forget_parent(self) -> None:
        # A fork copies locks that threads of the parent may have held.
        if self._process != os.getpid():
            self._reset_lease()

    def __getstate__(self) -> dict[str, Any]:
        return {"rust": self.to_json(pretty=False)}  # the same before and after a call

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(Tokenizer.from_str(state["rust"]))  # type: ignore[misc]

    def __deepcopy__(self, memo: dict[int, Any]) -> Backend:
        return Backend(Tokenizer.from_str(self.to_json(pretty=False)))


def backend_from(
    tokenizer_object: Tokenizer | Backend | None, tokenizer_file: str | os.PathLike[str] | None
) -> Backend | None:
    """Return the backend of a given tokenizer (copied) or file; ``None`` without either."""
    if isinstance(tokenizer_object, Backend):
        return tokenizer_object
    if tokenizer_object is not None:
        return Backend.from_json(tokenizer_object.to_str(), "tokenizer_object")
    if tokenizer_file is None:
        return None
    path = Path(tokenizer_file)
    try:
        content = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"There is no tokenizer file {shown(str(path))}") from error
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is not UTF-8: {error}") from error
    check_pipeline(content, str(path))
    backend = Backend.from_json(content, str(path))
    check_growth(backend.rust, str(path))
    check_template(backend.rust.post_processor, str(path))
    return backend


def stored_defaults(rust: Tokenizer) -> dict[str, Any]:
    """Take truncation and padding out of a tokenizer, and return the settings that they imply."""
    defaults: dict[str, Any] = {}
    if rust.truncation is not None:
        defaults["truncation_side"] = rust.truncation["direction"]
        rust.no_truncation()
    if rust.padding is not None:
        defaults["pad_token"] = rust.padding["pad_token"]
        defaults["padding_side"] = rust.padding["direction"]
        rust.no_padding()
    return defaults
