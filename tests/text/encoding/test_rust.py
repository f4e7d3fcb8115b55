"""The lease on a Rust tokenizer: settings of one call never reach another."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from automodel_core.text.encoding.rust import Backend


def around(*before: str) -> TemplateProcessing:
    """Return the processor that puts ``before``, then a text, then ``!``."""
    ids = {"!": 1, "<": 2, ">": 3}
    return TemplateProcessing(
        single=[*before, "$A", "!"],
        special_tokens=[(token, ids[token]) for token in ("!", *before)],
    )


@pytest.fixture
def backend() -> Backend:
    rust = Tokenizer(models.WordLevel({"?": 0, "!": 1, "<": 2, ">": 3, "a": 4}, unk_token="?"))
    rust.pre_tokenizer = pre_tokenizers.Whitespace()
    rust.post_processor = around("<")
    return Backend(rust)


OWN = [2, 4, 1]
LENT = [3, 4, 1]


def encode(backend: Backend, processor: TemplateProcessing | None = None) -> list[int]:
    with backend.leased(None, False, processor) as rust:
        return rust.encode("a").ids


def test_a_lent_processor_is_given_back(backend):
    lent = around(">")
    assert encode(backend) == OWN
    assert encode(backend, lent) == LENT
    assert '"id":"<"' in backend.processor.__getstate__().decode()
    assert encode(backend) == OWN
    assert encode(backend, lent) == LENT
    assert '"id": "<"' in backend.to_json()
    for copied in (copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        assert encode(copied) == OWN


def test_a_new_own_processor_replaces_the_one_that_waits(backend):
    encode(backend, around(">"))
    with backend.exclusive() as rust:
        rust.post_processor = around()
    assert encode(backend, around(">")) == LENT
    assert encode(backend) == [4, 1]


def test_none_of_its_own(backend):
    with backend.exclusive() as rust:
        rust.post_processor = None
    assert backend.processor is None
    assert encode(backend, around(">")) == LENT
    assert encode(backend) == [4]


def test_threads_with_different_processors(backend):
    lent = around(">")
    wrong: list[list[int]] = []

    def work(processor: TemplateProcessing | None, expected: list[int]) -> None:
        for _ in range(300):
            ids = encode(backend, processor)
            if ids != expected:
                wrong.append(ids)

    threads = [
        threading.Thread(target=work, args=arguments)
        for arguments in [(None, OWN), (lent, LENT), (None, OWN), (lent, LENT)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
