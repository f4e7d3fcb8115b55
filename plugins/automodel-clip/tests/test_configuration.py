"""CLIP's configurations: parts, files of any age, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_clip import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError

# What config.json of openai/clip-vit-base-patch32 says, without what is at its default.
OLD = {
    "architectures": ["CLIPModel"],
    "initializer_factor": 1.0,
    "logit_scale_init_value": 2.6592,
    "model_type": "clip",
    "projection_dim": 512,
    "text_config": {"bos_token_id": 0, "eos_token_id": 2, "model_type": "clip_text_model"},
    "text_config_dict": None,
    "vision_config": {"dropout": 0.0, "model_type": "clip_vision_model", "patch_size": 32},
    "vision_config_dict": None,
}


def test_each_tower_reads_its_part_of_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = CLIPConfig(text_config={"vocab_size": 50}, vision_config={"patch_size": 14})
    config.save_pretrained(tmp_path)
    assert CLIPTextConfig.from_pretrained(tmp_path).vocab_size == 50
    assert CLIPVisionConfig.from_pretrained(tmp_path, num_channels=1).patch_size == 14
    assert AutoConfig.from_pretrained(tmp_path) == config
    assert not caplog.records
    config.text_config.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path) == config.text_config


def test_a_file_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OLD), "utf-8")
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is CLIPConfig
    assert (config.text_config.eos_token_id, config.vision_config.patch_size) == (2, 32)
    assert config.to_diff_dict().keys().isdisjoint({"text_config_dict", "vision_config_dict"})


def test_former_names_of_the_parts_count() -> None:
    config = CLIPConfig(
        text_config={"hidden_size": 64, "num_hidden_layers": 3, "mine": 1},
        text_config_dict={"hidden_size": 128},
        vision_config=None,
        vision_config_dict={"patch_size": 16},
    )
    # A former part is whole: what it leaves out is at its default.
    assert config.text_config.hidden_size == 128
    assert config.text_config.num_hidden_layers == 12
    assert config.text_config.mine == 1
    assert config.vision_config.patch_size == 16


def test_a_pair_is_made_of_copies() -> None:
    text, image = CLIPTextConfig(vocab_size=50), CLIPVisionConfig(image_size=12)
    config = CLIPConfig.from_text_vision_configs(text, image, projection_dim=7)
    assert (config.text_config, config.vision_config) == (text, image)
    assert config.projection_dim == 7
    config.text_config.vocab_size = 51
    assert text.vocab_size == 50
    assert config.get_text_config() is config.text_config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_config": {"hidden_size": 10, "num_attention_heads": 4}}, "not a multiple of"),
        ({"vision_config": {"patch_size": [4]}}, "expected a number, or height and width"),
        ({"vision_config": {"image_size": 0}}, "image_size=0 cannot be used"),
        ({"projection_dim": "wide"}, "projection_dim='wide' cannot be used"),
    ],
)
def test_what_cannot_be_built_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CLIPConfig(**values)
