"""Pipelines for texts give what the reference's give."""

from __future__ import annotations

from typing import Any

import pytest

import automodel_core
from parity.tasks.comparing import Call, Pipelines, assert_same, known

CAT = "the cat sat on a mat ."
ANNA = "anna walks to berlin , talking sports xyz ."
LONG = " ".join([ANNA] * 6)
CONTEXT = "the cat sat on a mat . anna walks to berlin . dog ran to the mat . "
QUESTION = {"question": "who is in berlin", "context": CONTEXT * 4}


def classes(*args: Any, checkpoint: str = "classes", **options: Any) -> Call:
    return Call("text-classification", checkpoint, args, options)


def zero_shot(*args: Any, **options: Any) -> Call:
    return Call("zero-shot-classification", "classes", args, options)


def names(*args: Any, checkpoint: str = "names", **options: Any) -> Call:
    return Call("token-classification", checkpoint, args, options)


def spans(*args: Any, **options: Any) -> Call:
    return Call("question-answering", "spans", args, options)


def masks(*args: Any, **options: Any) -> Call:
    return Call("fill-mask", "masks", args, options)


def features(*args: Any, **options: Any) -> Call:
    return Call("feature-extraction", "body", args, options)


CALLS = {
    "class of a text": classes(CAT),
    "class of texts": classes([CAT, "dog"]),
    "all classes": classes([CAT, "dog"], top_k=None),
    "two classes of a text": classes(CAT, top_k=2),
    "class of a pair": classes({"text": CAT, "text_pair": ANNA}),
    "class of pairs": classes([{"text": CAT, "text_pair": ANNA}, {"text": ANNA}], batch_size=2),
    "class of a pair in lists": classes([[[CAT, ANNA]]]),
    "classes by another function": classes(CAT, function_to_apply="sigmoid", top_k=None),
    "classes as they are": classes([CAT], function_to_apply="none", top_k=3),
    "class of a truncated text": classes(LONG, truncation=True, max_length=8),
    "one class": classes(CAT, checkpoint="score"),
    "numbers": classes(CAT, checkpoint="numbers", top_k=None),
    "class by a decoder": classes([CAT, ANNA, "dog"], checkpoint="decoder-classes"),
    "class by an encoder and a decoder": classes([CAT, "dog"], checkpoint="pair-classes"),
    "labels by an encoder and a decoder": Call(
        "zero-shot-classification", "pair-classes", ([CAT, "dog ran"], ["sport", "news"]), {}
    ),
    "an answer by an encoder and a decoder": Call(
        "question-answering", "pair-spans", (), {"question": "who", "context": CONTEXT}
    ),
    "features of an encoder and a decoder": Call(
        "feature-extraction", "pair-body", ([CAT, "dog"],), {}
    ),
    "sentiment": Call("sentiment-analysis", "classes", (CAT,), {"top_k": 1}),
    "top_k of the constructor": Call("text-classification", "classes", ([CAT],), {}, {"top_k": 2}),
    "labels in a text": zero_shot(CAT, "sport, politics"),
    "one label": zero_shot(CAT, ["sport"]),
    "labels each by itself": zero_shot(
        [CAT, "dog ran"],
        candidate_labels=["sport", "news", "politics"],
        multi_label=True,
        hypothesis_template="this is {}",
    ),
    "labels for a long text": zero_shot(LONG, ["sport", "news"]),
    **{
        f"entities of {strategy}": names([ANNA, CAT], aggregation_strategy=strategy)
        for strategy in ("none", "simple", "first", "average", "max")
    },
    **{
        f"entities of bytes by {strategy}": names(
            ANNA, checkpoint="bytes-names", aggregation_strategy=strategy, ignore_labels=["LABEL_2"]
        )
        for strategy in ("none", "simple", "first", "average", "max")
    },
    "entities of one text": Call("ner", "names", (ANNA,), {"ignore_labels": []}),
    "entities of a long text": names(LONG, aggregation_strategy="simple", stride=4),
    "entities of long texts": names([LONG, ANNA], aggregation_strategy="first", stride=2),
    "entities of words": names(["anna", "walks", "to", "berlin"], is_split_into_words=True),
    "entities of words joined otherwise": names(
        [["anna", "walks"], ["dog"]],
        is_split_into_words=True,
        delimiter="--",
        aggregation_strategy="simple",
    ),
    "entities with offsets": names("anna walk", offset_mapping=[(0, 0), (0, 4), (5, 9), (0, 0)]),
    "an answer": spans(question="where is anna", context=CONTEXT),
    "answers to questions": spans(question=["where is anna", "who ran"], context=CONTEXT, top_k=3),
    "answers to pairs": spans(question=["who", "where"], context=[CONTEXT, CAT]),
    "answers in windows": spans(QUESTION, top_k=4, max_answer_len=5, doc_stride=3, max_seq_len=20),
    "impossible answers": spans([QUESTION, QUESTION], handle_impossible_answer=True, top_k=3),
    "answers of tokens": spans(question="who", context=ANNA, align_to_words=False, top_k=2),
    "two texts": spans("who", CONTEXT),
    "a mask": masks("the [MASK] sat"),
    "two masks": masks("the [MASK] sat on [MASK]", top_k=2),
    "a mask in a list": masks(["the [MASK] sat"], targets=["cat", "dog", "foo"]),
    "masks in a list": masks(["the [MASK] sat", "[MASK]"], top_k=1),
    "a target": masks("the [MASK] sat", targets="cat"),
    "a mask in a truncated text": masks(
        f"[MASK] {LONG}", tokenizer_kwargs={"truncation": True, "max_length": 10}
    ),
    "features": features(CAT),
    "features of texts": features([CAT, ANNA, "dog"]),
    "features as tensors": features([CAT, ANNA], return_tensors=True),
    "truncated features": features(
        LONG, truncation=True, tokenize_kwargs={"max_length": 9, "add_special_tokens": False}
    ),
}


@pytest.mark.parametrize("name", known(CALLS))
def test_results_are_the_reference_s(pipelines: Pipelines, name: str) -> None:
    assert_same(*pipelines.both(CALLS[name]))


def test_rows_of_a_batch_are_as_if_alone(pipelines: Pipelines) -> None:
    texts = [CAT, "dog", LONG[:60], ANNA, "a cat", "[MASK]"]
    for call in (classes(top_k=None), names(aggregation_strategy="simple"), features()):
        ours = pipelines.of(automodel_core, call)
        alone = [ours([text], batch_size=1, **call.options)[0] for text in texts]
        for batch_size in (None, 2, 6):
            assert_same(ours(texts, batch_size=batch_size, **call.options), alone)
