"""The configuration of SuperPoint: the hub's keys and defaults, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_superpoint import SuperPointConfig

# config.json of magic-leap-community/superpoint.
HUB: dict[str, Any] = {
    "architectures": ["SuperPointForKeypointDetection"],
    "border_removal_distance": 4,
    "decoder_hidden_size": 256,
    "descriptor_decoder_dim": 256,
    "encoder_hidden_sizes": [64, 64, 128, 128],
    "keypoint_decoder_dim": 65,
    "keypoint_threshold": 0.005,
    "max_keypoints": -1,
    "model_type": "superpoint",
    "nms_radius": 4,
    "torch_dtype": "float32",
    "transformers_version": "4.36.0.dev0",
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(HUB), "utf-8")
    config = SuperPointConfig.from_pretrained(tmp_path)
    assert config.border_on_all_sides is True
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text("utf-8"))
    given = {key: HUB[key] for key in HUB.keys() - {"torch_dtype", "transformers_version"}}
    assert written.items() >= given.items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder_hidden_sizes": [8, 8, 8]}, r"encoder_hidden_sizes=\[8, 8, 8\] must name four"),
        ({"keypoint_decoder_dim": 17}, "keypoint_decoder_dim=17 cannot be used"),
        ({"max_keypoints": -2}, "max_keypoints=-2 cannot be used"),
        ({"nms_radius": -1}, "nms_radius=-1 cannot be used"),
    ],
)
def test_what_cannot_be_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SuperPointConfig(**values)
