"""The configurations of ViT and DeiT: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_vit import DeiTConfig, ViTConfig

# config.json of google/vit-base-patch16-224-in21k, as it stands on the hub.
BASE: dict[str, Any] = {
    "architectures": ["ViTModel"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 768,
    "image_size": 224,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "model_type": "vit",
    "num_attention_heads": 12,
    "num_channels": 3,
    "num_hidden_layers": 12,
    "patch_size": 16,
    "qkv_bias": True,
    "transformers_version": "4.13.0.dev0",
}


@pytest.mark.parametrize("kind", [ViTConfig, DeiTConfig])
def test_the_defaults_are_those_of_the_base_model(kind: Any) -> None:
    defaults = kind().to_dict()
    for key in BASE.keys() - {"architectures", "transformers_version", "model_type"}:
        assert defaults[key] == BASE[key], key
    assert (defaults["encoder_stride"], defaults["pooler_act"]) == (16, "tanh")


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE | {"of_tomorrow": [1]}))
    config = ViTConfig.from_pretrained(tmp_path)
    assert config.of_tomorrow == [1]
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= {**BASE, "of_tomorrow": [1]}.items()
    assert written["pooler_output_size"] == 768


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = ViTConfig(32, 3, 4, 64, "relu", 0.2, 0.3, 0.01, 1e-5, 20, 5, 1, False, 7, 9, "gelu")
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (32, 3, 4)
    assert (config.image_size, config.patch_size, config.num_channels) == (20, 5, 1)
    assert (config.qkv_bias, config.encoder_stride) == (False, 7)
    assert (config.pooler_output_size, config.pooler_act) == (9, "gelu")


def test_sizes_may_be_two_numbers() -> None:
    config = ViTConfig(image_size=(20, 10), patch_size=[5, 2])
    assert (config.image_size, config.patch_size) == ([20, 10], [5, 2])


def test_the_pooler_is_as_wide_as_the_states_unless_it_is_said() -> None:
    assert ViTConfig(hidden_size=24).pooler_output_size == 24
    assert ViTConfig(hidden_size=24, pooler_output_size=5).pooler_output_size == 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden_size": "768"}, "hidden_size='768'"),
        ({"image_size": [1, 2, 3]}, r"image_size=\[1, 2, 3\]"),
        ({"patch_size": 0}, "patch_size=0"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob=1.5"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
        ({"qkv_bias": "yes"}, "qkv_bias"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ViTConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_vit, automodel_vit.plugin; "
        "from automodel_vit import ViTConfig; ViTConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
