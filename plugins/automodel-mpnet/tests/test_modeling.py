"""MPNet alone: its configuration, names on disk, distances and positions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_mpnet
from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError
from automodel_mpnet import MPNetConfig

SMALL: dict[str, Any] = {
    "vocab_size": 31,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
# config.json of sentence-transformers/all-mpnet-base-v2, as it stands on the hub.
ALL_MPNET_BASE = {
    "architectures": ["MPNetForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514,
    "model_type": "mpnet",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "relative_attention_num_buckets": 32,
    "transformers_version": "4.8.2",
    "vocab_size": 30527,
}


def build(head: str = "MPNetModel", **config: Any) -> Any:
    """Return a model whose weights are all random, norms and biases too."""
    model = getattr(automodel_mpnet, head)(MPNetConfig(**{**SMALL, **config})).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model


def tokens(*shape: int) -> Tensor:
    return torch.randint(3, 31, shape, generator=torch.Generator().manual_seed(1))


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(ALL_MPNET_BASE))
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is MPNetConfig
    assert config.position_limit == 512
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= ALL_MPNET_BASE.items()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"is_decoder": True}, "an encoder only"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        MPNetConfig(**wrong)


def test_the_names_on_disk_are_the_hubs() -> None:
    layer = {
        f"encoder.layer.0.{part}.{leaf}"
        for part in (
            *(f"attention.attn.{letter}" for letter in "qkvo"),
            *("attention.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
        )
        for leaf in ("weight", "bias")
    }
    body = build().hub_state_dict().keys()
    assert layer | {"encoder.relative_attention_bias.weight"} <= body
    assert not any("token_type" in name for name in body)
    guesser = build("MPNetForMaskedLM").hub_state_dict().keys()
    assert {"lm_head.bias", "lm_head.decoder.bias", "lm_head.layer_norm.weight"} <= guesser


def test_distances_are_told_apart_by_their_sign_up_to_the_farthest() -> None:
    table = build(max_position_embeddings=402).distances
    for distance in (1, 7, 8, 20, 127):
        forth, back = (bucket(table, sign * distance) for sign in (1, -1))
        assert forth == back + 16
    assert bucket(table, 128) == bucket(table, 399) == 31


def bucket(table: Any, distance: int) -> int:
    """Return which row the scores of a distance (key minus query) are."""
    states = torch.zeros(1, 1, abs(distance) + 1, 1)
    scores = table(states, states)
    row = scores[0, :, 0, distance] if distance > 0 else scores[0, :, -distance, 0]
    return int((table.bias.weight == row).all(dim=1).nonzero().item())


def test_padding_is_skipped_on_either_side() -> None:
    model, ids = build(), tokens(1, 5)
    alone = model(ids).last_hidden_state
    for columns in (slice(0, 5), slice(3, 8)):
        padded, mask = torch.full((1, 8), 1), torch.zeros(1, 8, dtype=torch.long)
        padded[:, columns], mask[:, columns] = ids, 1
        found = model(padded, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(found[:, columns], alone)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_mpnet, automodel_mpnet.plugin; "
        "from automodel_mpnet import MPNetConfig; MPNetConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
