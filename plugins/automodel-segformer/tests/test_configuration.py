"""The configurations of SegFormer and GLPN: the hub's keys and defaults, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_segformer import GLPNConfig, SegformerConfig

# config.json of nvidia/segformer-b0-finetuned-ade-512-512, without its labels.
ADE: dict[str, Any] = {
    "architectures": ["SegformerForSemanticSegmentation"],
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout_prob": 0.1,
    "decoder_hidden_size": 256,
    "depths": [2, 2, 2, 2],
    "downsampling_rates": [1, 4, 8, 16],
    "drop_path_rate": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_sizes": [32, 64, 160, 256],
    "image_size": 224,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-06,
    "mlp_ratios": [4, 4, 4, 4],
    "model_type": "segformer",
    "num_attention_heads": [1, 2, 5, 8],
    "num_channels": 3,
    "num_encoder_blocks": 4,
    "patch_sizes": [7, 3, 3, 3],
    "sr_ratios": [8, 4, 2, 1],
    "strides": [4, 2, 2, 2],
    "torch_dtype": "float32",
    "transformers_version": "4.12.0.dev0",
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(ADE), "utf-8")
    config = SegformerConfig.from_pretrained(tmp_path)
    assert (config.num_hidden_layers, config.semantic_loss_ignore_index) == (4, 255)
    assert config.reshape_last_stage is True
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text("utf-8"))
    given = {key: ADE[key] for key in ADE.keys() - {"torch_dtype", "transformers_version"}}
    assert written.items() >= given.items()


@pytest.mark.parametrize("kind", [SegformerConfig, GLPNConfig])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"depths": [1, 2]}, r"depths=\[1, 2\] must have one number for each of the num_encoder_"),
        ({"num_encoder_blocks": 3}, "num_encoder_blocks=3 stages"),
        ({"num_attention_heads": [3, 1, 1, 1]}, r"hidden_sizes\[0\]=32 is not a multiple of"),
        ({"strides": [4, 2, 2, 0]}, "strides"),
    ],
)
def test_what_cannot_be_built(kind: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kind(**values)


def test_depths_come_from_a_stage_that_there_is() -> None:
    assert GLPNConfig(head_in_index=-4).max_depth == 10
    with pytest.raises(ConfigurationError, match="head_in_index=4 is none of the 4 stages"):
        GLPNConfig(head_in_index=4)
