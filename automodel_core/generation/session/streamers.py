"""Streamers: they receive the tokens of ``generate`` while it runs. No torch.

A streamer gets the prompt first, then the tokens of each step, through ``put`` (a tensor on the
CPU), and ``end`` once at the end.
"""

from __future__ import annotations

import asyncio
import sys
from queue import Queue
from typing import TYPE_CHECKING, Any, Protocol

from automodel_core.errors import GenerationArgumentError

if TYPE_CHECKING:
    from torch import Tensor

    from automodel_core.generation.session.protocol import TextDecoder

__all__ = [
    "AsyncTextIteratorStreamer",
    "BaseStreamer",
    "Streamer",
    "TextIteratorStreamer",
    "TextStreamer",
]


class Streamer(Protocol):
    """Anything with the methods of `BaseStreamer`."""

    def put(self, value: Tensor) -> None: ...

    def end(self) -> None: ...


class BaseStreamer:
    """Base of all streamers."""

    def put(self, value: Tensor) -> None:
        """Take the prompt (rows, length) or the next token of each row (rows,)."""
        raise TypeError(f"{type(self).__name__} does not define put(value)")

    def end(self) -> None:
        """Finish; no token follows."""
        raise TypeError(f"{type(self).__name__} does not define end()")


class TextStreamer(BaseStreamer):
    """Print the text of one sequence, word by word.

    ``decode_kwargs`` go to the tokenizer's ``decode``.
    """

    def __init__(
        self, tokenizer: TextDecoder, skip_prompt: bool = False, **decode_kwargs: Any
    ) -> None:
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.decode_kwargs = decode_kwargs
        self._ids: list[int] = []
        self._given = 0
        self._prompt_is_next = True

    def put(self, value: Tensor) -> None:
        if value.ndim > 1:
            if value.shape[0] > 1:
                raise GenerationArgumentError(
                    f"a text streamer takes one sequence at a time, not a batch of {value.shape[0]}"
                )
            value = value[0]
        prompt, self._prompt_is_next = self._prompt_is_next, False
        if prompt and self.skip_prompt:
            return
        self._ids.extend(value.tolist())
        text = self._decoded()
        final = _final_length(text)
        self._give(text, final)
        if text.endswith("\n"):
            self._ids, self._given = [], 0

    def end(self) -> None:
        text = self._decoded() if self._ids else ""
        rest = text[self._given :]
        self._ids, self._given, self._prompt_is_next = [], 0, True
        self.on_finalized_text(rest, stream_end=True)

    def _decoded(self) -> str:
        return self.tokenizer.decode(self._ids, **self.decode_kwargs)

    def _give(self, text: str, final: int) -> None:
        new = text[self._given : final]
        self._given = max(self._given, final)
        self.on_finalized_text(new)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Take text that will not change any more; override to send it elsewhere than to stdout."""
        sys.stdout.write(text + ("\n" if stream_end else ""))
        sys.stdout.flush()


def _final_length(text: str) -> int:
    """Return how much of the text later tokens cannot change: whole lines, words and ideographs."""
    if text.endswith("\n") or (text and _is_ideograph(text[-1])):
        return len(text)
    return text.rfind(" ") + 1


_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""The CJK unified and compatibility ideographs, which are written without spaces between."""


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _IDEOGRAPHS)


class TextIteratorStreamer(TextStreamer):
    """Hand the text to another thread, which iterates over the streamer.

    ``timeout`` is in seconds; waiting longer for a piece of text raises ``queue.Empty``.
    """

    def __init__(
        self,
        tokenizer: TextDecoder,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: Queue[str | None] = Queue()
        self.timeout = timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(None, timeout=self.timeout)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        text = self.text_queue.get(timeout=self.timeout)
        if text is None:
            raise StopIteration
        return text


class AsyncTextIteratorStreamer(TextStreamer):
    """Hand the text from the thread that generates to the event loop the streamer was made in.

    ``timeout`` is in seconds; waiting longer for a piece of text raises ``asyncio.TimeoutError``.
    """

    def __init__(
        self,
        tokenizer: TextDecoder,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.loop.call_soon_threadsafe(self.text_queue.put_nowait, text)
        if stream_end:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, None)

    def __aiter__(self) -> AsyncTextIteratorStreamer:
        return self

    async def __anext__(self) -> str:
        text = await asyncio.wait_for(self.text_queue.get(), self.timeout)
        if text is None:
            raise StopAsyncIteration
        return text
