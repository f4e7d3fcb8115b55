"""The configurations of DINOv2 and Depth Anything: the hub's keys, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_dinov2 import DepthAnythingConfig, Dinov2Config

# config.json of facebook/dinov2-base, as it stands on the hub.
BASE: dict[str, Any] = {
    "apply_layernorm": True,
    "architectures": ["Dinov2Model"],
    "attention_probs_dropout_prob": 0.0,
    "drop_path_rate": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 768,
    "image_size": 518,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-06,
    "layerscale_value": 1.0,
    "mlp_ratio": 4,
    "model_type": "dinov2",
    "num_attention_heads": 12,
    "num_channels": 3,
    "num_hidden_layers": 12,
    "out_features": ["stage12"],
    "out_indices": [12],
    "patch_size": 14,
    "qkv_bias": True,
    "reshape_hidden_states": True,
    "stage_names": ["stem", *(f"stage{number}" for number in range(1, 13))],
    "torch_dtype": "float32",
    "transformers_version": "4.32.0.dev0",
    "use_swiglu_ffn": False,
}
# config.json of LiheYoung/depth-anything-small-hf.
DEPTH: dict[str, Any] = {
    "architectures": ["DepthAnythingForDepthEstimation"],
    "backbone": None,
    "backbone_config": {
        "architectures": ["Dinov2Model"],
        "hidden_size": 384,
        "image_size": 518,
        "model_type": "dinov2",
        "num_attention_heads": 6,
        "out_features": ["stage9", "stage10", "stage11", "stage12"],
        "out_indices": [9, 10, 11, 12],
        "patch_size": 14,
        "reshape_hidden_states": False,
        "torch_dtype": "float32",
    },
    "fusion_hidden_size": 64,
    "head_hidden_size": 32,
    "head_in_index": -1,
    "initializer_range": 0.02,
    "model_type": "depth_anything",
    "neck_hidden_sizes": [48, 96, 192, 384],
    "patch_size": 14,
    "reassemble_factors": [4, 2, 1, 0.5],
    "reassemble_hidden_size": 384,
    "torch_dtype": "float32",
    "use_pretrained_backbone": False,
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE | {"of_tomorrow": [1]}))
    Dinov2Config.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    expected = {**BASE, "of_tomorrow": [1], "dtype": "float32"}
    del expected["torch_dtype"]
    assert {**written, "transformers_version": BASE["transformers_version"]}.items() >= (
        expected.items()
    )


def test_a_file_of_depth_anything_is_the_default() -> None:
    config, default = DepthAnythingConfig.from_dict(DEPTH), DepthAnythingConfig()
    assert type(config.backbone_config) is Dinov2Config
    for key in ("hidden_size", "num_attention_heads", "out_indices", "reshape_hidden_states"):
        found = getattr(config.backbone_config, key)
        assert found == getattr(default.backbone_config, key) == DEPTH["backbone_config"][key]
    own = DEPTH.keys() - {
        *("architectures", "backbone", "backbone_config", "model_type", "torch_dtype"),
        "use_pretrained_backbone",
    }
    assert {key: default.get(key) for key in own} == {key: DEPTH[key] for key in own}
    assert not {"backbone", "use_pretrained_backbone"} & config.to_dict().keys()


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (Dinov2Config, {"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
        (Dinov2Config, {"image_size": [1, 2, 3]}, r"image_size=\[1, 2, 3\]"),
        (Dinov2Config, {"out_features": ["stage13"]}, "stage13"),
        (DepthAnythingConfig, {"depth_estimation_type": "inches"}, "'relative', 'metric'"),
        (DepthAnythingConfig, {"reassemble_factors": [1]}, "1 reassemble_factors for 4"),
        (DepthAnythingConfig, {"backbone": "facebook/dinov2-base"}, "is not fetched"),
    ],
)
def test_wrong_values_are_named(kind: Any, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kind(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_dinov2, automodel_dinov2.plugin; "
        "from automodel_dinov2 import DepthAnythingConfig; DepthAnythingConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
