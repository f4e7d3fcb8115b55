"""The configuration of Donut's encoder: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_donut import DonutSwinConfig

# The encoder's part of naver-clova-ix/donut-base's config.json.
ENCODER: dict[str, Any] = {
    "attention_probs_dropout_prob": 0.0,
    "depths": [2, 2, 14, 2],
    "drop_path_rate": 0.1,
    "embed_dim": 128,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 1024,
    "image_size": [2560, 1920],
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-05,
    "mlp_ratio": 4.0,
    "model_type": "donut-swin",
    "num_channels": 3,
    "num_heads": [4, 8, 16, 32],
    "num_layers": 4,
    "patch_size": 4,
    "path_norm": True,
    "qkv_bias": True,
    "use_absolute_embeddings": False,
    "window_size": 10,
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(ENCODER))
    config = DonutSwinConfig.from_pretrained(tmp_path)
    assert (config.num_hidden_layers, config.num_attention_heads) == (4, [4, 8, 16, 32])
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= ENCODER.items()


def test_stages_and_last_size_follow_from_the_depths() -> None:
    config = DonutSwinConfig(embed_dim=8, depths=(1, 1, 1), num_heads=(1, 2, 4), hidden_size=5)
    assert (config.num_layers, config.hidden_size, config.depths) == (3, 32, [1, 1, 1])
    assert DonutSwinConfig().hidden_size == 768
    changed = DonutSwinConfig()
    changed.depths.append(1)
    assert DonutSwinConfig().depths == [2, 2, 6, 2]


def test_prompts_begin_with_a_token_of_their_task() -> None:
    assert DonutSwinConfig().prompts_start_themselves


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depths": [2, 2]}, "one number for each stage"),
        ({"depths": [], "num_heads": []}, "one number for each stage"),
        ({"num_heads": [3, 6, 12, 25]}, "stage 3 is not a multiple"),
        ({"depths": "2"}, "depths='2'"),
        ({"image_size": [1, 2, 3]}, "image_size"),
        ({"use_absolute_embeddings": True}, "use_absolute_embeddings=True cannot be used"),
        ({"mlp_ratio": 0}, "mlp_ratio"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DonutSwinConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_donut, automodel_donut.plugin; "
        "from automodel_donut import DonutSwinConfig; DonutSwinConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
