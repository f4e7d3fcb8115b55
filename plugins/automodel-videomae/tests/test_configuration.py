"""The configuration of VideoMAE: the hub's keys and defaults, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_videomae import VideoMAEConfig

# config.json of MCG-NJU/videomae-base.
BASE: dict[str, Any] = {
    "architectures": ["VideoMAEForPreTraining"],
    "attention_probs_dropout_prob": 0.0,
    "decoder_hidden_size": 384,
    "decoder_intermediate_size": 1536,
    "decoder_num_attention_heads": 6,
    "decoder_num_hidden_layers": 4,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 768,
    "image_size": 224,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "model_type": "videomae",
    "norm_pix_loss": True,
    "num_attention_heads": 12,
    "num_channels": 3,
    "num_frames": 16,
    "num_hidden_layers": 12,
    "patch_size": 16,
    "qkv_bias": True,
    "torch_dtype": "float32",
    "transformers_version": "4.22.0.dev0",
    "tubelet_size": 2,
    "use_mean_pooling": False,
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE), "utf-8")
    config = VideoMAEConfig.from_pretrained(tmp_path)
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text("utf-8"))
    given = {key: BASE[key] for key in BASE.keys() - {"torch_dtype", "transformers_version"}}
    assert written.items() >= given.items()
    assert config.use_mean_pooling is False


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = VideoMAEConfig(20, 5, 1, 6, 3, 32, 3, 4, 64, "relu", 0.2, 0.3, 0.01, 1e-5, False)
    assert (config.image_size, config.patch_size, config.num_channels) == (20, 5, 1)
    assert (config.num_frames, config.tubelet_size, config.hidden_size) == (6, 3, 32)
    assert (config.layer_norm_eps, config.qkv_bias) == (1e-5, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 10}, "hidden_size=10 is not a multiple of num_attention_heads=12"),
        ({"image_size": [8, 8, 8]}, r"image_size=\[8, 8, 8\]: expected a number, or height and"),
        ({"num_frames": 1}, "num_frames=1 make no tubelet of tubelet_size=2"),
    ],
)
def test_what_cannot_be_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        VideoMAEConfig(**values)
