"""Look-up of dotted names by their longest matching prefix of whole segments."""

from __future__ import annotations

from typing import Generic, TypeVar

from automodel_core.errors import ConfigurationError, shown

__all__ = ["Match", "SegmentTable", "fill", "split_pattern"]

Value = TypeVar("Value")

Match = tuple[Value, list[str], list[str]]
"""What a pattern stands for, the numbers that its stars matched, and the rest of the name."""


def split_pattern(pattern: object, where: str) -> list[str]:
    """Return the segments of a pattern; the empty pattern is the root and has none."""
    if not isinstance(pattern, str):
        raise ConfigurationError(f"{where}: a name must be a string, got {shown(pattern)}")
    if pattern == "":
        return []
    segments = pattern.split(".")
    for segment in segments:
        if not segment or ("*" in segment and segment != "*"):
            raise ConfigurationError(
                f"{where}: {shown(pattern)} must consist of whole segments between single dots, "
                "in which '*' alone stands for a number"
            )
    return segments


def fill(pattern: list[str], numbers: list[str], rest: list[str]) -> str:
    """Return the name that a pattern gives with its stars replaced and the rest appended."""
    if numbers:
        waiting = iter(numbers)
        pattern = [next(waiting) if segment == "*" else segment for segment in pattern]
    return ".".join([*pattern, *rest])


class _Node(Generic[Value]):
    __slots__ = ("children", "filled", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[Value]] = {}
        self.filled = False
        self.value: Value | None = None


class SegmentTable(Generic[Value]):
    """Patterns of dotted names, where ``*`` stands for one segment that is a number.

    The pattern with most segments wins; of two equally long ones, the one that says more literally.
    """

    def __init__(self) -> None:
        self._root: _Node[Value] = _Node()

    def add(self, pattern: list[str], value: Value) -> bool:
        """Enter a pattern; return whether it is new, and leave an old one as it is."""
        node = self._root
        for segment in pattern:
            node = node.children.setdefault(segment, _Node())
        if node.filled:
            return False
        node.filled, node.value = True, value
        return True

    def longest(self, segments: list[str]) -> Match[Value] | None:
        """Return the match of the longest pattern that begins the name."""
        best = self._search(self._root, segments, 0)
        if best is None:
            return None
        length, numbers, node = best
        return node.value, numbers[::-1], segments[length:]  # type: ignore[return-value]

    def _search(
        self, node: _Node[Value], segments: list[str], depth: int
    ) -> tuple[int, list[str], _Node[Value]] | None:
        best: tuple[int, list[str], _Node[Value]] | None = None
        if depth < len(segments):
            segment = segments[depth]
            literal = node.children.get(segment)
            if literal is not None:
                best = self._search(literal, segments, depth + 1)
            star = node.children.get("*")
            if star is not None and segment.isdecimal() and segment.isascii():
                other = self._search(star, segments, depth + 1)
                if other is not None and (best is None or other[0] > best[0]):
                    other[1].append(segment)
                    best = other
        if best is None and node.filled:
            best = (depth, [], node)
        return best
