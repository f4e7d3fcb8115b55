"""LayoutLM against the reference."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_layoutlm
from automodel_core import AutoModelForDocumentQuestionAnswering
from parity.layoutlm.cases import LAYOUTLM
from support.family import ROWS, Case
from support.parity import ArchitectureParity
from support.reference import assert_same_outputs


def boxes(case: Case, rows: int = ROWS) -> Tensor:
    """Return boxes, empty and whole ones among them."""
    count = {**LAYOUTLM.small, **case.settings}["max_2d_position_embeddings"]
    chance = torch.Generator().manual_seed(5)
    drawn = torch.randint(0, count, (rows, case.lengths[0], 2, 2), generator=chance)
    found = drawn.sort(dim=2).values.flatten(2)
    found[0, 0], found[0, 1] = torch.tensor([0, 0, count - 1, count - 1]), 0
    return found


class LayoutLMParity(ArchitectureParity):
    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        chance = torch.Generator().manual_seed(6)
        kinds = case.settings.get("type_vocab_size", 2)
        types = torch.randint(0, kinds, (ROWS, case.lengths[0]), generator=chance)
        return {"bbox": boxes(case), "token_type_ids": types}


class TestLayoutLM(LayoutLMParity):
    family = LAYOUTLM


@pytest.mark.parametrize("head", LAYOUTLM.heads)
@torch.no_grad()
def test_positional_arguments_and_no_boxes(head: str) -> None:
    case = Case()
    reference, model = LAYOUTLM.pair(case, head)
    given = LAYOUTLM.batch(case, head)
    ids, mask, bbox = given["input_ids"], given["attention_mask"], boxes(case)
    assert_same_outputs(model(ids, bbox, mask), reference(ids, bbox, mask))
    assert_same_outputs(model(ids), reference(ids))


@torch.no_grad()
def test_an_output_layer_of_its_own() -> None:
    case = Case({"tie_word_embeddings": False}, untied=True)
    reference, model = LAYOUTLM.pair(case, "LayoutLMForMaskedLM")
    given = {**LAYOUTLM.batch(case, "LayoutLMModel"), "bbox": boxes(case)}
    assert_same_outputs(model(**given), reference(**given))
    assert model.hub_state_dict().keys() == reference.state_dict().keys()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_head_too_many_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The reader of invoices has weights of a classifier that its class lacks."""
    reference = LAYOUTLM.reference(Case(), "LayoutLMForQuestionAnswering")
    state = reference.state_dict() | {"token_classifier.weight": torch.ones(2, 16)}
    reference.save_pretrained(tmp_path, state_dict=state)
    with caplog.at_level(logging.WARNING):
        model, info = AutoModelForDocumentQuestionAnswering.from_pretrained(
            tmp_path, output_loading_info=True
        )
    assert type(model) is automodel_layoutlm.LayoutLMForQuestionAnswering
    assert list(info["unexpected_keys"]) == ["token_classifier.weight"]
    assert "token_classifier.weight" in caplog.text
    given = {**LAYOUTLM.batch(Case(), "LayoutLMModel"), "bbox": boxes(Case())}
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))


@pytest.mark.parametrize("edge", [(0, 50), (1, -1), (2, 0)])
def test_impossible_boxes_are_errors_of_both(edge: tuple[int, int]) -> None:
    reference, model = LAYOUTLM.pair(Case(), "LayoutLMModel")
    given = {**LAYOUTLM.batch(Case(), "LayoutLMModel"), "bbox": boxes(Case())}
    given["bbox"][1, 4] = torch.tensor([9, 9, 9, 9])
    given["bbox"][1, 4, edge[0]] = edge[1]
    with pytest.raises(IndexError):
        reference(**given)
    with pytest.raises(ValueError, match=r"bbox of token 4 in row 1 is \[") as error:
        model(**given)
    assert str(given["bbox"][1, 4].tolist()) in str(error.value)
    assert transformers.LayoutLMConfig().max_2d_position_embeddings == 1024
