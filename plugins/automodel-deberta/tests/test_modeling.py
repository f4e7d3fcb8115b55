"""DeBERTa alone: distances, sheared products, what is kept, names on disk."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_deberta
from automodel_core.errors import ConfigurationError
from automodel_deberta import DebertaConfig, DebertaV2Config
from automodel_deberta.distances import Distances
from automodel_deberta.position_scores import BLOCK, gathered_scores, sheared_scores

SMALL: dict[str, Any] = {
    "vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12, "relative_attention": True,
    "pos_att_type": "c2p|p2c", "position_biased_input": False,
}  # fmt: skip


def build(name: str, **more: Any) -> Any:
    torch.manual_seed(0)
    kind = getattr(automodel_deberta, name)
    return kind(kind.config_class(**SMALL, **more)).eval()


@pytest.mark.parametrize("length", [1, 5, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
@pytest.mark.parametrize("kinds", [("c2p",), ("p2c",), ("c2p", "p2c")])
@torch.no_grad()
def test_sheared_products_are_gathered_ones(length: int, kinds: tuple[str, ...]) -> None:
    distances = Distances(8, 300, 6, buckets=True, norm=None)
    query, key = torch.randn(2, 2, 3, length, 6)
    tables = {kind: torch.randn(3, 16, 6) for kind in kinds}
    places = torch.arange(length)
    index = distances._rows(places[:, None] - places)
    rows = distances._rows(torch.arange(length - 1, -length, -1))
    expected = gathered_scores(query, key, tables, index)
    torch.testing.assert_close(sheared_scores(query, key, tables, rows, None), expected)
    hidden = torch.randn(2, 1, length, length)
    found = sheared_scores(query, key, tables, rows, hidden)
    torch.testing.assert_close(found, expected + hidden)


def test_near_distances_have_embeddings_of_their_own() -> None:
    rows = Distances(8, 64, 1, buckets=True, norm=None)._rows(torch.arange(-70, 71)).tolist()
    assert rows == sorted(rows)
    assert rows[70 - 4 : 70 + 5] == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert (rows[0], rows[-1]) == (0, 15)


@torch.no_grad()
def test_longer_texts_than_positions() -> None:
    model = build("DebertaV2Model", position_buckets=4)
    assert model(torch.ones(1, 40).long()).last_hidden_state.shape == (1, 40, 16)
    assert model.config.position_limit is None


@torch.no_grad()
def test_nothing_is_kept_of_other_weights() -> None:
    model, ids = (
        build("DebertaV2Model", position_buckets=4, share_att_key=True),
        torch.arange(9)[None],
    )
    before = model(ids).last_hidden_state
    model.stack.layers[0].self_attn.k_proj.weight.data.add_(0.5)
    changed = model(ids).last_hidden_state
    assert not torch.allclose(changed, before)
    model.stack.layers[0].self_attn.k_proj.weight.data.sub_(0.5)
    torch.testing.assert_close(model(ids).last_hidden_state, before)


@pytest.mark.parametrize("name", ["DebertaModel", "DebertaV2Model"])
@torch.no_grad()
def test_autocast_changes_nothing_that_is_kept(name: str) -> None:
    ids = torch.arange(9)[None]
    expected = build(name)(ids).last_hidden_state
    model = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = model(ids).last_hidden_state
    assert 0 < (rounded - expected).abs().max() < 0.1
    assert torch.equal(model(ids).last_hidden_state, expected)


def test_the_names_on_disk_are_the_hubs() -> None:
    first = build("DebertaForMaskedLM").hub_state_dict().keys()
    layer = "deberta.encoder.layer.1.attention.self"
    assert first > {f"{layer}.{name}" for name in ("in_proj.weight", "q_bias", "pos_q_proj.bias")}
    assert "deberta.encoder.rel_embeddings.weight" in first
    assert "cls.predictions.transform.dense.weight" in first
    options = {"norm_rel_ebd": "layer_norm", "conv_kernel_size": 3, "legacy": False}
    second = build("DebertaV2ForMaskedLM", **options).hub_state_dict().keys()
    layer = "deberta.encoder.layer.1.attention.self"
    assert second > {f"{layer}.{name}_proj.weight" for name in ("query", "pos_key", "pos_query")}
    assert second > {"deberta.encoder.LayerNorm.bias", "deberta.encoder.conv.conv.weight"}
    assert "lm_predictions.lm_head.LayerNorm.weight" in second


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (DebertaConfig, {"pos_att_type": "c2p|p2p"}, r"pos_att_type has \['p2p'\]"),
        (DebertaConfig, {"pooler_hidden_size": 4}, "pooler_hidden_size=4 must be hidden_size"),
        (DebertaV2Config, {"conv_kernel_size": 4}, "conv_kernel_size=4 must be odd"),
    ],
)
def test_contradictions_are_named(kind: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kind(**wrong)


def test_configurations_of_released_files() -> None:
    config = DebertaV2Config.from_dict({"pos_att_type": "p2c|c2p", "relative_attention": True})
    assert config.pos_att_type == ["p2c", "c2p"]
    assert config.to_dict()["pooler_hidden_size"] == 1536
    assert (config.distance_limit, config.distance_span) == (512, 512)
