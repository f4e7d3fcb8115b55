"""Pipelines that see a picture and read a text give what the reference's give."""

from __future__ import annotations

from typing import Any

import pytest

import automodel_core
from automodel_core.errors import InputError
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


def asked(*args: Any, **options: Any) -> Call:
    return Call("visual-question-answering", "questions", args, options)


def objects(*args: Any, **options: Any) -> Call:
    return Call("zero-shot-object-detection", "named-objects", args, options)


LABELS = ["a cat", "the dog on a mat", "berlin"]
CALLS = {
    "labels of a picture": labels(PICTURE, candidate_labels=LABELS),
    "labels of pictures": labels(
        [PICTURE, OTHER], candidate_labels=LABELS, hypothesis_template="this is {} ."
    ),
    "labels each by itself": labels(
        [PICTURE, OTHER], candidate_labels=LABELS, checkpoint="judging-towers"
    ),
    "objects of labels": objects(PICTURE, candidate_labels=LABELS),
    "objects of labels, the best": objects(PICTURE, LABELS, threshold=0.3, top_k=4),
    "objects of labels in a text": objects(OTHER, candidate_labels="a cat,the dog", threshold=0.2),
    "objects in pictures with labels of their own": objects(
        [
            {"image": PICTURE, "candidate_labels": LABELS},
            {"image": OTHER, "candidate_labels": LABELS[1:]},
        ],
        batch_size=2,
    ),
    "no objects of labels": objects(PICTURE, candidate_labels=LABELS, threshold=1.0),
    "objects in pictures": Call(
        "zero-shot-object-detection",
        "named-objects",
        ([PICTURE, OTHER],),
        {"candidate_labels": LABELS},
        since=5,
    ),
    "objects in pictures, a list of labels each": Call(
        "zero-shot-object-detection",
        "named-objects",
        ([PICTURE, OTHER],),
        {"candidate_labels": [LABELS, LABELS[:1]]},
        since=5,
    ),
    "an answer about a picture": asked(PICTURE, "who is on the mat"),
    "answers about a picture": asked(PICTURE, ["who is on the mat", "where"], top_k=2),
    "answers about pictures": asked([PICTURE, OTHER], "where is the cat", top_k=9),
    "answers about pictures, each to each": asked([PICTURE, OTHER], ["where", "who walks"]),
    "answers to pairs": asked([{"image": OTHER, "question": "who"}], batch_size=2),
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


def said(**picture: Any) -> list[dict[str, Any]]:
    parts = [{"type": "image", **picture}, {"type": "text", "text": "the cat"}]
    return [{"role": "user", "content": parts}]


def test_conversations_hold_pictures_or_are_given_them(pipelines: Pipelines) -> None:
    """The models of the reference that talk about pictures are none of ours yet."""
    ours = pipelines.of(automodel_core, Call("image-text-to-text", "read-pages"))
    ours.tokenizer.chat_template = (
        "{% for m in messages %}{% for part in m['content'] %}{{ part.get('text', '') }}"
        "{% endfor %}{% endfor %}"
    )
    options = {"max_new_tokens": 3}
    (alone,) = ours(PICTURE, "the cat", return_full_text=False, **options)
    inside = ours(said(image=PICTURE), **options)
    assert inside[0]["input_text"] == said(image=PICTURE)
    *messages, answer = inside[0]["generated_text"]
    assert messages == inside[0]["input_text"]
    assert answer == {"role": "assistant", "content": alone["generated_text"]}
    beside = ours(PICTURE, text=said(), **options)
    assert beside[0]["generated_text"][-1] == answer
    (first, _) = ours([said(image=PICTURE), said(image=OTHER)], **options)
    assert first[0]["generated_text"][-1] == answer
    with pytest.raises(InputError, match="more pictures in the messages"):
        ours([PICTURE], text=[*said(), *said()], **options)
    with pytest.raises(InputError, match="have no place"):
        ours([PICTURE, OTHER], text=said(), **options)


def test_open_answers_about_pictures_are_continued(pipelines: Pipelines) -> None:
    ours = pipelines.of(automodel_core, Call("image-text-to-text", "read-pages"))
    ours.tokenizer.chat_template = "{{ messages[-1]['content'][-1]['text'] }}"
    begun = {"role": "assistant", "content": [{"type": "text", "text": "the dog"}]}
    (found,) = ours([*said(image=PICTURE), begun], max_new_tokens=3)
    (text,) = found["generated_text"][-1]["content"]
    assert text["text"].startswith("the dog")
    assert len(found["generated_text"]) == 2
