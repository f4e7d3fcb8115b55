"""What tokens of times mean between the tokens of a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

WINDOW = 1500
"""Times of a window of 30 seconds, after which they begin at 0 again."""

Decode = Callable[[Sequence[int]], str]


@dataclass
class WindowClock:
    """Where windows begin, told from the times that were read: one that falls begins a window.

    A window whose last time stands alone was heard to its end; else it was cut at the last pair.
    """

    precision: float
    latest: float = 0.0
    before: float = 0.0
    start: float = 0.0

    def read(self, time: float, stood_alone: bool) -> bool:
        """Take a time in; return whether the last two belong to the new window."""
        rewinds = False
        if time < self.latest:
            if stood_alone:
                self.start += self.precision * WINDOW
            else:
                self.latest = self.before
                self.start += self.before
                rewinds = True
        self.before, self.latest = self.latest, time
        return rewinds


@dataclass(frozen=True)
class Timestamps:
    """Tokens from ``begin`` on stand for times, ``precision`` seconds one from another."""

    begin: int
    precision: float
    offsets_begin: int = field(default=0, repr=False)

    def seconds(self, token: int) -> float:
        """Return the time in its window that a token stands for."""
        return float((token - self.begin) * self.precision)

    def stands_alone(self, tokens: Sequence[int], place: int) -> bool:
        """Return whether the two tokens before a place are not both times."""
        return place >= 2 and not (
            tokens[place - 1] >= self.begin and tokens[place - 2] >= self.begin
        )

    def written(self, tokens: Sequence[int], decode: Decode) -> str:
        """Return the text of tokens with times in it, counted from the first window."""
        clock = WindowClock(self.precision)
        parts: list[Any] = [[]]
        for place, token in enumerate(tokens):
            if token < self.begin:
                parts[-1].append(token)
                continue
            time = self.seconds(token)
            if clock.read(time, self.stands_alone(tokens, place)):
                del parts[-2:]
            parts += [f"<|{time + clock.start:.2f}|>", []]
        texts = (part if isinstance(part, str) else decode(part) for part in parts if part)
        return "".join(texts)

    def offsets(self, tokens: Sequence[int], decode: Decode) -> list[dict[str, Any]]:
        """Return the texts between times, each with the two that are around it, in seconds."""
        is_time = [token >= self.begin for token in tokens]
        ends = [i + 1 for i in range(len(tokens) - 1) if is_time[i] and is_time[i + 1]]
        if not ends and sum(is_time) <= 1:
            return []
        last = len(tokens) - is_time[::-1].index(True)
        if last not in ends:
            ends.append(last)
        found, begin, latest, passed = [], is_time.index(True), 0, 0
        for end in ends:
            between = tokens[begin:end]
            if len(between) > 1:
                first, final = between[0] - self.begin, between[-1] - self.begin
                if first < latest:
                    alone = self.stands_alone(tokens, begin)
                    passed += WINDOW if alone else latest
                latest = final
                times = tuple(
                    place * self.precision + passed * self.precision for place in (first, final)
                )
                found.append({"text": decode(between), "timestamp": times})
            begin = end
        return found
