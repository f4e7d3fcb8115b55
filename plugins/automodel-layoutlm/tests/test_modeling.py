"""LayoutLM alone: names on disk, and boxes that are refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_layoutlm
from automodel_core.errors import InputError
from automodel_layoutlm import LayoutLMConfig

SMALL: dict[str, Any] = {
    "vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12, "max_2d_position_embeddings": 101,
}  # fmt: skip


def build(head: str = "LayoutLMModel") -> Any:
    torch.manual_seed(0)
    return getattr(automodel_layoutlm, head)(LayoutLMConfig(**SMALL)).eval()


@pytest.mark.parametrize(
    ("bbox", "message"),
    [
        (torch.zeros(2, 4, 4).long(), r"bbox must be whole numbers \(2, 5, 4\), got .*\(2, 4, 4\)"),
        (torch.zeros(2, 5, 4), r"bbox must be whole numbers .* got torch.float32"),
        (torch.tensor([0, 0, 101, 9]).expand(2, 5, 4), r"token 0 in row 0 is \[0, 0, 101, 9\]"),
        (torch.tensor([9, 0, 8, 9]).expand(1, 5, 4), r"left, upper, right and lower edge"),
    ],
    ids=["another length", "fractions", "outside the page", "right of its right edge"],
)
def test_wrong_boxes_are_named(bbox: Tensor, message: str) -> None:
    for head in ("LayoutLMModel", "LayoutLMForQuestionAnswering"):
        with pytest.raises(InputError, match=message):
            build(head)(torch.ones(2, 5, dtype=torch.long), bbox=bbox)


def test_one_row_of_boxes_serves_all() -> None:
    model, ids = build(), torch.arange(10).view(2, 5)
    bbox = torch.tensor([[3, 4, 5, 6]]).expand(1, 5, 4)
    both = model(ids, bbox).last_hidden_state
    assert torch.equal(model(ids, bbox.expand(2, 5, 4)).last_hidden_state, both)
    whole = torch.tensor([[0, 0, 100, 100]]).expand(1, 5, 4)
    assert not torch.allclose(model(ids, whole).last_hidden_state, both)


def test_the_names_on_disk_are_the_hubs() -> None:
    names = build("LayoutLMForTokenClassification").hub_state_dict().keys()
    tables = {f"layoutlm.embeddings.{edge}_position_embeddings.weight" for edge in "xyhw"}
    assert names > tables | {"classifier.weight", "layoutlm.encoder.layer.1.output.dense.bias"}
    assert "pooler.dense.weight" in build().hub_state_dict()
