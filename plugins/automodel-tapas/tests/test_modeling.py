"""TAPAS alone: names on disk, positions in cells, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_tapas
from automodel_core.errors import ConfigurationError, InputError
from automodel_tapas import TapasConfig
from automodel_tapas.cells import places_in_cells

SMALL: dict[str, Any] = {
    "vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12,
    "type_vocab_sizes": [3, 5, 5, 2, 5, 5, 10],
}  # fmt: skip
IDS = torch.arange(10).view(2, 5)
WEAK = {
    "num_aggregation_labels": 4,
    "use_answer_as_supervision": True,
    "cell_selection_preference": 0.2,
    "huber_loss_delta": 1.0,
}


def build(head: str = "TapasForQuestionAnswering", **more: Any) -> Any:
    torch.manual_seed(0)
    return getattr(automodel_tapas, head)(TapasConfig(**{**SMALL, **more})).eval()


def test_positions_begin_anew_in_each_cell() -> None:
    columns = torch.tensor([0, 0, 1, 1, 1, 2, 1, 1])
    rows = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0])
    types = torch.stack([columns, columns, rows], dim=-1)[None]
    assert places_in_cells(types, 5, 5).tolist() == [[0, 1, 0, 0, 1, 0, 3, 5]]


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (
            torch.zeros(2, 5).long(),
            r"token_type_ids must be whole numbers \(2, 5, 7\), got .*\(2, 5\)",
        ),
        (torch.zeros(2, 5, 7), r"whole numbers .* got torch.float32"),
        (
            torch.tensor([0, 0, 5, 0, 0, 0, 0]).expand(2, 5, 7),
            r"kind 2 \(rows\) .* 0 and 4; .* 5 to 5",
        ),
        (
            torch.tensor([0, 0, 0, 0, -1, 0, 0]).expand(2, 5, 7),
            r"kind 4 \(ranks\) .* from -1 to -1",
        ),
    ],
    ids=["one kind", "fractions", "too many rows", "below zero"],
)
def test_wrong_types_are_named(types: torch.Tensor, message: str) -> None:
    for head in ("TapasModel", "TapasForMaskedLM", "TapasForQuestionAnswering"):
        with pytest.raises(InputError, match=message):
            build(head)(IDS, token_type_ids=types)


@pytest.mark.parametrize(
    ("settings", "left_out", "message"),
    [
        ({"num_aggregation_labels": 2}, "aggregation_labels", "aggregation_labels are needed"),
        (WEAK, "float_answer", "float_answer is needed .* NaN where the answer is none"),
        (WEAK, "numeric_values", "numeric_values and numeric_values_scale are needed"),
        ({**WEAK, "huber_loss_delta": None}, "", "huber_loss_delta is None"),
        ({**WEAK, "cell_selection_preference": None}, "", "cell_selection_preference is None"),
        ({**WEAK, "num_aggregation_labels": 3}, "", "num_aggregation_labels=3: .* need 4"),
    ],
)
def test_answers_that_a_loss_lacks_are_named(
    settings: dict[str, Any], left_out: str, message: str
) -> None:
    given = {
        "labels": torch.zeros(2, 5).long(),
        "aggregation_labels": torch.zeros(2).long(),
        "float_answer": torch.ones(2),
        "numeric_values": torch.ones(2, 5),
        "numeric_values_scale": torch.ones(2, 5),
    }
    given.pop(left_out, None)
    with pytest.raises(InputError, match=message):
        build(**settings)(IDS, **given)


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match=r"labels have shape \(2, 4\), expected \(2, 5\)"):
        build()(IDS, labels=torch.zeros(2, 4).long())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type_vocab_sizes": [3, 4]}, "at least three sizes"),
        ({"is_decoder": True}, "an encoder only"),
        ({"average_approximation_function": "third_order"}, "ratio"),
    ],
)
def test_impossible_configurations(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TapasConfig(**settings)


def test_labels_of_aggregations_are_numbered() -> None:
    names = {"0": "NONE", "1": "SUM"}
    config = TapasConfig.from_dict({"model_type": "tapas", "aggregation_labels": names})
    assert config.aggregation_labels == {0: "NONE", 1: "SUM"}


def test_the_names_on_disk_are_the_hubs() -> None:
    names = build(num_aggregation_labels=4).hub_state_dict().keys()
    tables = {f"tapas.embeddings.token_type_embeddings_{kind}.weight" for kind in range(7)}
    scores = {"output_weights", "output_bias", "column_output_weights", "column_output_bias"}
    assert names > tables | scores | {"aggregation_classifier.bias", "tapas.pooler.dense.bias"}
    assert "tapas.encoder.layer.1.output.dense.bias" in names
