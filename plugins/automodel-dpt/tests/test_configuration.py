"""The configurations of DPT and BiT: the hub's keys, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_dpt import BitConfig, DPTConfig

# config.json of Intel/dpt-large, without its labels.
LARGE: dict[str, Any] = {
    "architectures": ["DPTForDepthEstimation"],
    "attention_probs_dropout_prob": 0.0,
    "auxiliary_loss_weight": 0.4,
    "backbone_out_indices": [5, 11, 17, 23],
    "expand_channels": False,
    "fusion_hidden_size": 256,
    "head_in_index": -1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 1024,
    "image_size": 384,
    "initializer_range": 0.02,
    "intermediate_size": 4096,
    "layer_norm_eps": 1e-12,
    "model_type": "dpt",
    "neck_hidden_sizes": [256, 512, 1024, 1024],
    "num_attention_heads": 16,
    "num_channels": 3,
    "num_hidden_layers": 24,
    "patch_size": 16,
    "qkv_bias": True,
    "readout_type": "project",
    "reassemble_factors": [4, 2, 1, 0.5],
    "semantic_classifier_dropout": 0.1,
    "semantic_loss_ignore_index": 255,
    "torch_dtype": "float32",
    "transformers_version": "4.18.0.dev0",
    "use_auxiliary_head": True,
    "use_batch_norm_in_fusion_residual": False,
}
# What matters of config.json of Intel/dpt-hybrid-midas.
HYBRID: dict[str, Any] = {
    "backbone_config": {
        "depths": [3, 4, 9],
        "embedding_dynamic_padding": True,
        "global_padding": "same",
        "hidden_sizes": [256, 512, 1024, 2048],
        "layer_type": "bottleneck",
        "out_features": ["stage1", "stage2", "stage3"],
    },
    "backbone_featmap_shape": [1, 1024, 24, 24],
    "is_hybrid": True,
    "model_type": "dpt",
    "neck_hidden_sizes": [256, 512, 768, 768],
    "neck_ignore_stages": [0, 1],
    "reassemble_factors": [1, 1, 1, 0.5],
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LARGE | {"of_tomorrow": [1]}))
    DPTConfig.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    expected = {**LARGE, "of_tomorrow": [1], "dtype": "float32", "backbone_config": None}
    del expected["torch_dtype"], expected["transformers_version"]
    assert written.items() >= expected.items()
    assert (written["neck_ignore_stages"], written["backbone_featmap_shape"]) == ([], None)
    assert written["pooler_output_size"] == 1024


def test_a_hybrid_stands_on_bit() -> None:
    config = DPTConfig.from_dict(HYBRID)
    backbone = config.backbone_config
    assert type(backbone) is BitConfig
    assert backbone.stage_names == ["stem", "stage1", "stage2", "stage3"]
    assert (backbone.global_padding, backbone.out_indices) == ("SAME", [1, 2, 3])
    assert config.has_own_layers
    assert config.neck_ignore_stages == [0, 1]
    default = DPTConfig(is_hybrid=True).backbone_config
    assert default == backbone
    assert DPTConfig.from_dict(config.to_dict()) == config


def test_keys_of_a_body_may_be_null_where_there_is_a_backbone() -> None:
    nulls = {
        "num_hidden_layers": None, "num_attention_heads": None, "intermediate_size": None,
        "hidden_dropout_prob": None, "attention_probs_dropout_prob": None, "image_size": None,
        "layer_norm_eps": None, "patch_size": None, "num_channels": None, "qkv_bias": None,
        "backbone_out_indices": None, "backbone": None, "use_timm_backbone": False,
    }  # fmt: skip
    config = DPTConfig(backbone_config={"model_type": "bit"}, **nulls)
    assert not config.has_own_layers
    assert config.qkv_bias is None


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (DPTConfig, {"readout_type": "guess"}, "'ignore', 'add', 'project'"),
        (DPTConfig, {"is_hybrid": True, "readout_type": "add"}, "cannot be used with is_hybrid"),
        (DPTConfig, {"reassemble_factors": [1]}, "1 reassemble_factors for 4"),
        (DPTConfig, {"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
        (DPTConfig, {"backbone": "microsoft/swinv2-tiny"}, "is not fetched"),
        (BitConfig, {"global_padding": "reflect"}, "none of SAME, VALID and None"),
        (BitConfig, {"layer_type": "plain"}, "'preactivation', 'bottleneck'"),
        (BitConfig, {"hidden_sizes": [8]}, "1 hidden_sizes for 4 depths"),
        (BitConfig, {"out_indices": [5]}, "not 5"),
    ],
)
def test_wrong_values_are_named(kind: Any, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kind(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_dpt, automodel_dpt.plugin; "
        "from automodel_dpt import DPTConfig; DPTConfig(is_hybrid=True); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
