"""Pipelines that generate text give what the reference's give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import transformers

import automodel_core
from parity.tasks.comparing import Call, Pipelines, assert_same, known

GREEDY = {"do_sample": False, "max_new_tokens": 6}
USER = [{"role": "user", "content": "who is anna"}]
OPEN = [*USER, {"role": "assistant", "content": "anna"}]
CAT = "the cat sat on a mat"


def written(*args: Any, **options: Any) -> Call:
    return Call("text-generation", "writer", args, {**GREEDY, **options})


def pairs(task: str, *args: Any, **options: Any) -> Call:
    return Call(task, "pairs", args, options)


CALLS = {
    "a text": written("the cat"),
    "texts": written(["the cat", "anna lives in"], return_full_text=False),
    "ids": written("the cat", return_tensors=True),
    "a chat": written(USER),
    "chats": written([USER, OPEN]),
    "an answer of a chat": written(USER, return_full_text=False),
    "an open message closed": written(OPEN, continue_final_message=False),
    "several texts": written("the cat", num_beams=3, num_return_sequences=2),
    "a prefix": written("the cat", prefix="anna lives in "),
    "nothing": written(""),
    "a hole": written(CAT * 9, handle_long_generation="hole", max_new_tokens=9),
    "a stop": replace(written("the cat", max_new_tokens=12, stop_sequence=" "), since=5),
    "all tokens": written("the cat", skip_special_tokens=False, clean_up_tokenization_spaces=False),
    "max_length": Call(
        "text-generation", "writer", ("the cat",), {}, {"do_sample": False, "max_length": 9}
    ),
    "tokenizer's options": written(CAT, tokenizer_encode_kwargs={"truncation": True}),
    "more than texts": replace(
        written("the cat", num_beams=2, num_return_sequences=2, return_dict_in_generate=True),
        since=5,
    ),
    "text to text": pairs("text2text-generation", CAT, max_new_tokens=5),
    "texts to texts": pairs("text2text-generation", [CAT, "a dog"], max_new_tokens=5),
    "texts to several": pairs(
        "text2text-generation", [CAT, "a dog"], max_new_tokens=5, num_return_sequences=2
    ),
    "text to ids": pairs("text2text-generation", [CAT], max_new_tokens=5, return_tensors=True),
    "text to ids, not text": pairs(
        "summarization", CAT, max_new_tokens=5, return_tensors=True, return_text=True
    ),
    "text to a stop": pairs("text2text-generation", CAT, max_new_tokens=5, stop_sequence="mat"),
    "a summary": pairs("summarization", CAT),
    "summaries": pairs("summarization", [CAT, "a dog"], num_beams=1),
    "a translation": pairs("translation_en_to_fr", CAT, clean_up_tokenization_spaces=True),
    "a translation of no languages": pairs("translation", [CAT, "anna"]),
}


@pytest.mark.parametrize("name", known(CALLS))
def test_results_are_the_reference_s(pipelines: Pipelines, name: str) -> None:
    assert_same(*pipelines.both(CALLS[name]))


@pytest.mark.parametrize(
    ("call", "texts"),
    [
        (written(), ["the cat", "anna lives in berlin", "who"]),
        (written(return_tensors=True), ["the cat", "anna lives in berlin", "who"]),
        (pairs("summarization"), [CAT, "a dog"]),
    ],
)
def test_rows_of_a_batch_are_as_if_alone(
    pipelines: Pipelines, call: Call, texts: list[str]
) -> None:
    ours = pipelines.of(automodel_core, call)
    if ours.tokenizer.pad_token is None:
        ours.tokenizer.pad_token = ours.tokenizer.eos_token
    alone = [ours([text], **call.options)[0] for text in texts]
    assert_same(ours(texts, batch_size=3, **call.options), alone)


@pytest.mark.filterwarnings("ignore")
def test_an_assistant_drafts_tokens(pipelines: Pipelines) -> None:
    folder = pipelines.of(automodel_core, written()).model.name_or_path
    options = {"max_new_tokens": 8, "do_sample": False, "return_full_text": False}
    alone, helped, expected = (
        side.pipeline("text-generation", model=folder, device=-1, **assistant)("the cat", **options)
        for side, assistant in (
            (automodel_core, {}),
            (automodel_core, {"assistant_model": folder}),
            (transformers, {"assistant_model": folder}),
        )
    )
    assert helped == expected == alone
