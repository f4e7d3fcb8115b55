"""When sequences finish."""

from __future__ import annotations

import time

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError

IDS = torch.tensor([[3, 1], [3, 4], [3, 2]])


class Pieces:
    """A tokenizer of bytes and a few longer pieces, where a character may need several tokens."""

    pieces = (b"a", b"b", b"STOP", b" ST", b"OP!", b"\xe2", b"\x82\xac", b"x")

    def decode(self, ids, skip_special_tokens, clean_up_tokenization_spaces):
        return b"".join(self.pieces[i] for i in ids).decode("utf-8", errors="replace")


def test_lengths_and_times():
    assert g.MaxLengthCriteria(2)(IDS, None).tolist() == [True] * 3
    assert g.MaxLengthCriteria(3)(IDS, None).tolist() == [False] * 3
    assert g.MaxTimeCriteria(5.0)(IDS, None).tolist() == [False] * 3
    assert g.MaxTimeCriteria(5.0, time.time() - 6)(IDS, None).tolist() == [True] * 3


@pytest.mark.parametrize("ends", [[1, 2], (1, 2), torch.tensor([1, 2])])
def test_ends_of_sequences(ends):
    assert g.EosTokenCriteria(ends)(IDS, None).tolist() == [True, False, True]
    assert g.EosTokenCriteria(4)(IDS, None).tolist() == [False, True, False]


def test_a_list_joins_tensors_and_bools():
    criteria = g.StoppingCriteriaList([g.EosTokenCriteria(1), lambda ids, scores, **more: False])
    assert criteria(IDS, None).tolist() == [True, False, False]
    criteria.append(lambda ids, scores, **more: True)
    assert criteria(IDS, None).tolist() == [True] * 3
    assert criteria.max_length is None
    criteria.append(g.MaxLengthCriteria(7))
    assert criteria.max_length == 7


def test_confidence():
    scores = (torch.tensor([[0.0, 2.0, 0.0, 0.0, 0.0]]),)
    assert g.ConfidenceCriteria(0.5)(IDS[:1], scores) is False
    assert g.ConfidenceCriteria(0.9)(IDS[:1], scores) is True
    with pytest.raises(GenerationArgumentError, match="output_scores"):
        g.ConfidenceCriteria(0.5)(IDS, None)


@pytest.mark.parametrize(
    ("tokens", "strings", "stops"),
    [
        ([0, 2], "STOP", True),
        ([3, 4], ["STOP"], True),
        ([2, 0], "STOP", False),
        ([0, 2, 1], "STOP", False),
        ([0, 1], ["x", "ab"], True),
        ([5, 6], "€", True),
        ([0, 5], "€", False),
        ([5, 6, 7], "€", False),
        ([5, 6, 5], "€", False),
    ],
)
def test_stop_strings(tokens, strings, stops):
    criterion = g.StopStringCriteria(Pieces(), strings)
    assert criterion(torch.tensor([tokens]), None).tolist() == [stops]


def test_stop_strings_must_be_strings():
    for wrong in ("", [], [""], [3]):
        with pytest.raises(GenerationArgumentError, match="stop_strings"):
            g.StopStringCriteria(Pieces(), wrong)


def test_a_base_without_a_call_says_so():
    with pytest.raises(TypeError, match="does not define __call__"):
        g.StoppingCriteria()(IDS, None)
