"""Pipelines that see a picture and read a text give what the reference's give."""

from __future__ import annotations

from typing import Any

import pytest

from parity.tasks.comparing import Call, Pipelines, assert_same, known
from parity.tasks.pictures import drawn

PICTURE, OTHER = drawn(), drawn(16, 40, seed=1)
WORDS = "the cat sat on a mat . anna lives in berlin , where sport is news .".split()
PAGE = [(word, [30 * i, 100, 30 * i + 25, 140 + i]) for i, word in enumerate(WORDS)]
ASKED = {"question": "who lives in berlin", "image": None, "word_boxes": PAGE}


def pages(*args: Any, **options: Any) -> Call:
    return Call("document-question-answering", "pages", args, options)


def labels(*args: Any, checkpoint: str = "towers", **options: Any) -> Call:
    return Call("zero-shot-image-classification", checkpoint, args, options)


LABELS = ["a cat", "the dog on a mat", "berlin"]
CALLS = {
    "labels of a picture": labels(PICTURE, candidate_labels=LABELS),
    "labels of pictures": labels(
        [PICTURE, OTHER], candidate_labels=LABELS, hypothesis_template="this is {} ."
    ),
    "an answer written": Call(
        "document-question-answering", "read-pages", (PICTURE, "who is anna"), {}
    ),
    "answers written": Call(
        "document-question-answering",
        "read-pages",
        ([{"image": PICTURE, "question": "who"}, {"image": OTHER, "question": "where is it"}],),
        {},
    ),
    "a text of a picture and a text": Call(
        "image-text-to-text", "read-pages", (PICTURE, "the cat"), {"max_new_tokens": 4}
    ),
    "a new text of a picture and a text": Call(
        "image-text-to-text",
        "read-pages",
        (PICTURE, "the cat"),
        {"return_full_text": False, "generate_kwargs": {"max_new_tokens": 4, "num_beams": 2}},
    ),
    "an answer of a page": pages(ASKED),
    "answers of a page": pages(None, "where is the cat", PAGE, top_k=4),
    "answers of pages": pages([ASKED, {**ASKED, "word_boxes": PAGE[:5]}], top_k=2),
    "answers in windows": pages(
        {**ASKED, "word_boxes": PAGE * 4}, max_seq_len=20, doc_stride=5, top_k=3
    ),
    "impossible answers": pages(ASKED, handle_impossible_answer=True, max_answer_len=2, top_k=3),
}


@pytest.mark.parametrize("name", known(CALLS))
def test_results_are_the_reference_s(pipelines: Pipelines, name: str) -> None:
    assert_same(*pipelines.both(CALLS[name]))
