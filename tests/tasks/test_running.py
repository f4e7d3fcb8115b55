"""Lists, generators and datasets are answered in order, and a bad input stops no other."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from torch.utils.data import Dataset

from automodel_core import pipeline
from automodel_core.errors import FailedInputsError, InputError
from automodel_core.tasks import KeyDataset, KeyPairDataset

TEXTS = ["a b", "c", "d e f a b c", "b b b", "f"]


@pytest.fixture
def answer(model: Any, tokenizer: Any) -> Any:
    return pipeline("text-classification", model=model, tokenizer=tokenizer)


def rounded(results: Any) -> list[Any]:
    return [(result["label"], round(result["score"], 4)) for result in results]


@pytest.fixture
def alone(answer: Any) -> list[Any]:
    return rounded(answer(text)[0] for text in TEXTS)


@pytest.mark.parametrize("batch_size", [None, 1, 2, 100])
def test_results_are_in_the_order_of_inputs(
    answer: Any, alone: list[Any], batch_size: int | None
) -> None:
    assert rounded(answer(TEXTS, batch_size=batch_size)) == alone
    assert rounded(answer(iter(TEXTS), batch_size=batch_size)) == alone
    assert answer([]) == []


def test_a_generator_is_read_as_results_are_asked_for(answer: Any, alone: list[Any]) -> None:
    read: list[str] = []

    def texts() -> Iterator[str]:
        for text in TEXTS:
            read.append(text)
            yield text

    results = answer(texts())
    assert not read
    assert rounded([next(results)]) == alone[:1]
    assert read == TEXTS[:1]
    assert rounded(results) == alone[1:]
    with pytest.raises(TypeError, match="no length"):
        len(results)


def test_datasets_are_answered(answer: Any, alone: list[Any]) -> None:
    rows = [{"text": text, "other": "a"} for text in TEXTS]
    results = answer(KeyDataset(rows, "text"), batch_size=2)
    assert len(results) == len(TEXTS)
    assert rounded(results) == alone
    pairs = KeyPairDataset(rows, "text", "other")
    assert len(list(answer(pairs))) == len(pairs)

    class Own(Dataset[str]):
        def __iter__(self) -> Iterator[str]:
            return iter(TEXTS)

    assert rounded(answer(Own())) == alone


def test_a_bad_input_is_named_and_stops_no_other(answer: Any, alone: list[Any]) -> None:
    given: list[Any] = [*TEXTS[:2], None, *TEXTS[2:], 7]
    with pytest.raises(FailedInputsError, match=r"2 of 7 inputs.*input 2: .*input 6: ") as caught:
        answer(given)
    error = pickle.loads(pickle.dumps(caught.value))
    assert list(error.errors) == [2, 6]
    assert error.results[2] is None
    assert rounded(result for result in error.results if result) == alone
    returned = answer(given, on_error="return")
    assert isinstance(returned[2], InputError)
    assert rounded(returned[:2] + returned[3:6]) == alone
    with pytest.raises(InputError, match="on_error='skip' is not known"):
        answer(given, on_error="skip")


def test_a_generator_goes_on_behind_a_bad_input(answer: Any, alone: list[Any]) -> None:
    results = answer(iter([TEXTS[0], None, TEXTS[1]]))
    assert rounded([next(results)]) == alone[:1]
    with pytest.raises(InputError, match="input 1: "):
        next(results)
    assert rounded(results) == alone[1:2]
    returned = list(answer(iter([None, TEXTS[0]]), on_error="return"))
    assert isinstance(returned[0], InputError)


def test_an_input_that_the_model_refuses_is_found_in_its_batch(
    answer: Any, alone: list[Any]
) -> None:
    too_long = "a " * 40
    returned = answer([TEXTS[0], too_long, *TEXTS[1:]], on_error="return", batch_size=6)
    assert isinstance(returned[1], Exception)
    assert rounded(returned[:1] + returned[2:]) == alone


def test_progress_is_shown(answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer(TEXTS, progress=True)
    assert "5/5" in capsys.readouterr().err


def test_batch_size_is_checked(answer: Any) -> None:
    with pytest.raises(InputError, match="batch_size=0"):
        answer(TEXTS, batch_size=0)


def test_texts_of_unequal_lengths_need_a_padding_token(answer: Any, alone: list[Any]) -> None:
    answer.tokenizer.pad_token = None
    assert rounded(answer(TEXTS)) == alone
    returned = answer(["a", "a b"], batch_size=2)
    assert len(returned) == 2
