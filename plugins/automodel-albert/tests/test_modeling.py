"""ALBERT alone: which layer runs when, and where its weights are in files."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_albert import AlbertConfig, AlbertForPreTraining, AlbertModel
from automodel_core.errors import ConfigurationError

SMALL: dict[str, Any] = {
    "vocab_size": 31, "embedding_size": 8, "hidden_size": 16, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12,
}  # fmt: skip


@pytest.mark.parametrize(
    ("turns", "groups", "inner", "order"),
    [
        (4, 1, 1, (0, 0, 0, 0)),
        (4, 2, 1, (0, 0, 1, 1)),
        (5, 2, 1, (0, 0, 0, 1, 1)),
        (2, 2, 2, (0, 1, 2, 3)),
        (3, 1, 2, (0, 1, 0, 1, 0, 1)),
    ],
)
def test_turns(turns: int, groups: int, inner: int, order: tuple[int, ...]) -> None:
    sizes = {"num_hidden_groups": groups, "inner_group_num": inner}
    model = AlbertModel(AlbertConfig(**SMALL, num_hidden_layers=turns, **sizes)).eval()
    assert model.stack.order == order
    assert len(model.stack.layers) == groups * inner
    states = model(torch.ones(1, 3).long(), output_hidden_states=True).hidden_states
    assert len(states) == len(order) + 1
    for before, layer, after in zip(states, model.stack.in_turn(), states[1:], strict=False):
        alone = model.stack.layers[0] if len(model.stack.layers) == 1 else layer
        assert not torch.equal(before, after)
        assert alone in model.stack.layers


def test_a_group_that_never_runs_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="num_hidden_groups=3 groups of layers"):
        AlbertConfig(**SMALL, num_hidden_layers=2, num_hidden_groups=3)


def test_the_names_on_disk_are_the_hubs() -> None:
    model = AlbertForPreTraining(AlbertConfig(**SMALL, num_hidden_layers=2))
    layer = "albert.encoder.albert_layer_groups.0.albert_layers.0"
    assert model.hub_state_dict().keys() > {
        "albert.encoder.embedding_hidden_mapping_in.weight",
        f"{layer}.full_layer_layer_norm.bias",
        f"{layer}.attention.LayerNorm.weight",
        f"{layer}.ffn_output.weight",
        "albert.pooler.weight",
        "predictions.dense.weight",
        "predictions.bias",
        "sop_classifier.classifier.weight",
    }
