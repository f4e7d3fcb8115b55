"""The configurations of Swin and Swin V2: the hub's keys, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_swin import SwinConfig, Swinv2Config

# config.json of microsoft/swin-tiny-patch4-window7-224, but for its labels.
HUB: dict[str, Any] = {
    "attention_probs_dropout_prob": 0.0,
    "depths": [2, 2, 6, 2],
    "drop_path_rate": 0.1,
    "embed_dim": 96,
    "encoder_stride": 32,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "image_size": 224,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-05,
    "mlp_ratio": 4.0,
    "model_type": "swin",
    "num_channels": 3,
    "num_heads": [3, 6, 12, 24],
    "num_layers": 4,
    "patch_size": 4,
    "path_norm": True,
    "qkv_bias": True,
    "use_absolute_embeddings": False,
    "window_size": 7,
}


@pytest.mark.parametrize("kind", [SwinConfig, Swinv2Config])
def test_every_key_survives_reading_and_writing(kind: Any, tmp_path: Path) -> None:
    keys = {**HUB, "model_type": kind.model_type}
    (tmp_path / "config.json").write_text(json.dumps(keys))
    config = kind.from_pretrained(tmp_path)
    assert (config.num_hidden_layers, config.hidden_size) == (4, 768)
    assert config.stage_names == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert config.out_features == ["stage4"]
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= keys.items()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depths": [2, 2]}, "Swinv2Config: .*one number for each stage"),
        ({"num_heads": [3, 6, 12, 25]}, "stage 3 is not a multiple"),
        ({"out_features": ["stage5"]}, "out_features"),
        ({"pretrained_window_sizes": [8, 8]}, "must have a number for each of the 4 stages"),
        ({"image_size": [1, 2, 3]}, "image_size"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Swinv2Config(**wrong)


def test_neither_the_configurations_nor_the_manifest_import_torch() -> None:
    code = (
        "import sys, automodel_swin, automodel_swin.plugin; "
        "from automodel_swin import SwinConfig, Swinv2Config; SwinConfig(); Swinv2Config(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
