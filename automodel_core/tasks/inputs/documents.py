"""The words of a scanned page and where they stand: given, or read by Tesseract."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.vision.images import pillow_image

__all__ = ["WORDS_SPAN", "given_words", "read_words"]

WORDS_SPAN = 1000
"""Boxes are in thousandths of the page's width and height."""

Box = list[int]


def given_words(word_boxes: Sequence[Any]) -> tuple[list[str], list[Box]]:
    """Return the words and boxes of pairs ``(word, [left, top, right, bottom])``."""
    try:
        words = [str(word) for word, _ in word_boxes]
        boxes = [[int(edge) for edge in box] for _, box in word_boxes]
    except (TypeError, ValueError):
        raise InputError(
            "word_boxes= are pairs (word, [left, top, right, bottom]), with edges from 0 to "
            f"{WORDS_SPAN}; got {shown(word_boxes)}"
        ) from None
    if any(len(box) != 4 for box in boxes):
        raise InputError("a box has four edges: left, top, right, bottom")
    return words, boxes


def read_words(
    page: Tensor, *, lang: str | None = None, config: str = ""
) -> tuple[list[str], list[Box]]:
    """Return the words that Tesseract reads on a page ``(3, height, width)``, and their boxes."""
    try:
        reader: Any = import_module("pytesseract")
    except ImportError as error:
        raise MissingExtraError(
            "reading the words of a page needs Tesseract and pytesseract, which is not installed: "
            "pip install pytesseract; or give word_boxes=, pairs of words and boxes"
        ) from error
    height, width = page.shape[-2:]
    found = reader.image_to_data(pillow_image(page), lang=lang, output_type="dict", config=config)
    words: list[str] = []
    boxes: list[Box] = []
    columns = (found[name] for name in ("text", "left", "top", "width", "height"))
    for word, left, top, across, down in zip(*columns, strict=True):
        if word.strip():
            edges = (left / width, top / height, (left + across) / width, (top + down) / height)
            words.append(word)
            boxes.append([int(WORDS_SPAN * edge) for edge in edges])
    return words, boxes
