"""One text from what was heard in recordings that overlap, or in one with times in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automodel_core.text import ByteLevelTokenizer
from automodel_whisper.timestamps import Timestamps, WindowClock
from automodel_whisper.words import words_of

Span = tuple[float, float]
Stride = tuple[float, float, float]
"""Seconds of a recording, and of what it shares with the one before and the one behind it."""


@dataclass(frozen=True)
class Heard:
    """The tokens of one recording, and the seconds at which they end if they are known."""

    tokens: list[int]
    stride: Stride | None = None
    times: list[float] | None = None


@dataclass
class Part:
    """Tokens, and the spans of time in which they were said if these are known."""

    tokens: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


@dataclass
class Chunk:
    """A text, its language, and when it was said."""

    language: str | None
    start: float | None = None
    end: float | None = None
    text: str = ""
    words: list[dict[str, Any]] = field(default_factory=list)


class Merging:
    """Reads recordings in turn, and cuts what they say where times stand together."""

    def __init__(
        self,
        tokenizer: ByteLevelTokenizer,
        times: Timestamps,
        languages: Mapping[int, str],
        *,
        spoken: str | None,
        return_timestamps: bool | str | None,
        return_language: bool,
    ) -> None:
        self.tokenizer = tokenizer
        self.times = times
        self.languages = languages
        self.spoken = spoken
        self.return_timestamps = return_timestamps
        self.return_language = return_language
        self.special = set(tokenizer.all_special_ids)
        self.language: str | None = None
        self.chunks: list[Chunk] = []
        self.chunk = Chunk(None)
        self.waiting: list[Part] = []
        """What was heard of the chunk, in one recording after another."""
        self.offset = 0.0
        self.skips = False

    @property
    def of_words(self) -> bool:
        return self.return_timestamps == "word"

    def read(self, heard: Heard) -> None:
        """Read what one recording says."""
        begin, precision = self.times.begin, self.times.precision
        length, left, right = heard.stride or (0.0, 0.0, 0.0)
        self.offset -= left
        first = left / precision + begin
        last = self._last_time(heard.tokens, length - right) if right else None
        clock, part = WindowClock(precision), Part()
        for place, token in enumerate(heard.tokens):
            if token in self.special:
                part = self._special(token, part)
            elif token < begin:
                part.tokens.append(token)
                if heard.times is not None:
                    before = heard.times[place - 1] if place else 0.0
                    part.spans.append(self._span(before, heard.times[place]))
            else:
                clock.read(self.times.seconds(token), self.times.stands_alone(heard.tokens, place))
                time = round((token - begin) * precision + self.offset + clock.start, 2)
                if last is not None and token >= last:
                    # It lies in what the next recording says again. Times come in pairs.
                    self.skips = True
                elif self.skips or (self.waiting and token < first):
                    self.skips = False
                elif self.chunk.start is None:
                    self.chunk.start = time
                elif time != self.chunk.start:
                    self.chunk.end = time
                    self.waiting.append(part)
                    self._close()
                    part = Part()
        self.offset += length - right
        if part.tokens:
            self.waiting.append(part)
        elif not any(each.tokens for each in self.waiting):
            self.chunk, self.waiting = Chunk(self.language), []

    def _span(self, start: float, end: float) -> Span:
        return round(start + self.offset, 2), round(end + self.offset, 2)

    def _last_time(self, tokens: Sequence[int], end: float) -> int | None:
        """Return the first time that is left to the next recording: behind ``end``, or the last."""
        last = None
        for token in reversed(tokens):
            if token >= self.times.begin:
                if last is not None and self.times.seconds(token) < end:
                    break
                last = token
        return last

    def _special(self, token: int, part: Part) -> Part:
        """Take a language in; where there are no times, a new one begins a new chunk."""
        language = self.languages.get(token)
        if language is None:
            return part
        if self.language and language != self.language and not self.return_timestamps:
            self.waiting.append(part)
            self._close()
            part = Part()
        self.chunk.language = self.language = language
        return part

    def _close(self) -> None:
        """End a chunk, with what was heard of it in all recordings."""
        part = overlapped(self.waiting)
        self.chunk.text = self.tokenizer.decode(part.tokens)
        if self.of_words:
            self.chunk.words = self._words(part)
        self.chunks.append(self.chunk)
        self.chunk, self.waiting = Chunk(self.language), []

    def _words(self, part: Part) -> list[dict[str, Any]]:
        def decode(tokens: Sequence[int]) -> str:
            text: str = self.tokenizer.decode(list(tokens), decode_with_timestamps=True)
            return text

        spoken = self.language or self.spoken
        words = words_of(part.tokens, decode, spoken, self.tokenizer.eos_token_id or 0)
        more = {"language": self.language} if self.return_language else {}
        return [
            {
                "text": word.text,
                "timestamp": (part.spans[word.places[0]][0], part.spans[word.places[-1]][1]),
                **more,
            }
            for word in words
        ]

    def result(self) -> tuple[str, dict[str, Any]]:
        """Return the whole text, and its chunks where times or languages are asked for."""
        if self.waiting:
            self._close()
        text = "".join(chunk.text for chunk in self.chunks)
        if self.of_words:
            return text, {"chunks": [word for chunk in self.chunks for word in chunk.words]}
        if not self.return_timestamps and not self.return_language:
            return text, {}
        return text, {"chunks": [self._shown(chunk) for chunk in self.chunks]}

    def _shown(self, chunk: Chunk) -> dict[str, Any]:
        shown: dict[str, Any] = {"language": chunk.language} if self.return_language else {}
        if self.return_timestamps:
            shown["timestamp"] = (chunk.start, chunk.end)
        return {**shown, "text": chunk.text}


def merged(
    tokenizer: ByteLevelTokenizer,
    heard: Sequence[Heard],
    times: Timestamps,
    languages: Mapping[int, str],
    *,
    spoken: str | None = None,
    return_timestamps: bool | str | None = None,
    return_language: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Return the text of recordings in turn, and its chunks.

    ``languages`` are names by token; ``spoken`` is the language where no token names one.
    """
    merging = Merging(
        tokenizer,
        times,
        languages,
        spoken=spoken,
        return_timestamps=return_timestamps,
        return_language=return_language,
    )
    for each in heard:
        merging.read(each)
    return merging.result()


def overlapped(parts: Sequence[Part]) -> Part:
    """Return parts joined where the end of one is the beginning of the next.

    The first half of what both say is taken from the left, the second from the right.
    """
    whole, left = Part(), parts[0]
    for right in parts[1:]:
        cut, begin = _seam(left, right)
        whole = Part(whole.tokens + left.tokens[:cut], whole.spans + left.spans[:cut])
        left = Part(right.tokens[begin:], right.spans[begin:])
    return Part(whole.tokens + left.tokens, whole.spans + left.spans)


def _seam(left: Part, right: Part) -> tuple[int, int]:
    """Return where the left part is left, and where the right one is entered."""
    lengths = len(left.tokens), len(right.tokens)
    best, places = 0.0, (lengths[0], lengths[0], 0, 0)
    for shift in range(1, sum(lengths)):
        begin, stop = max(0, lengths[0] - shift), min(lengths[0], sum(lengths) - shift)
        entry, end = max(0, shift - lengths[0]), min(lengths[1], shift)
        same = sum(
            left.tokens[begin + i] == right.tokens[entry + i]
            and (not left.spans or left.spans[begin + i] <= right.spans[entry + i])
            for i in range(stop - begin)
        )
        score = same / shift + shift / 10_000  # long matches are worth a little more
        if same > 1 and score > best:
            best, places = score, (begin, stop, entry, end)
    begin, stop, entry, end = places
    return (begin + stop) // 2, (entry + end) // 2
