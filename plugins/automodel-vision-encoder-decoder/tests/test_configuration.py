"""The configuration: of an image encoder and a text decoder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError, UnknownModelTypeError
from automodel_core.testing import SmallImageConfig, SmallTextConfig, register_small_parts
from automodel_vision_encoder_decoder import VisionEncoderDecoderConfig

register_small_parts()
SIDES = {"encoder": {"model_type": "small-image"}, "decoder": {"model_type": "small-text"}}


def test_both_sides_survive_a_file(tmp_path: Path) -> None:
    config = VisionEncoderDecoderConfig(**SIDES, decoder_start_token_id=1)
    assert type(config.encoder) is SmallImageConfig
    assert type(config.decoder) is SmallTextConfig
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["encoder"]["model_type"] == "small-image"
    assert written["tie_word_embeddings"] is False
    again = AutoConfig.from_pretrained(tmp_path, encoder={"image_size": 12})
    assert type(again) is VisionEncoderDecoderConfig
    assert (again.encoder.image_size, again.decoder) == (12, config.decoder)


def test_a_wider_context_must_be_the_encoders() -> None:
    wide = {"model_type": "small-text", "cross_attention_hidden_size": 16}
    config = VisionEncoderDecoderConfig(
        encoder={"model_type": "small-image", "hidden_size": 16}, decoder=wide
    )
    assert config.decoder.cross_attention_hidden_size == 16
    with pytest.raises(ConfigurationError, match="the encoder's hidden_size=8"):
        VisionEncoderDecoderConfig(**{**SIDES, "decoder": wide})


def test_what_nobody_provides_is_named() -> None:
    with pytest.raises(UnknownModelTypeError, match=r"encoder 'no-such-eyes' \(missing\) and dec"):
        VisionEncoderDecoderConfig(**{**SIDES, "encoder": {"model_type": "no-such-eyes"}})


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_vision_encoder_decoder, automodel_vision_encoder_decoder.plugin; "
        "from automodel_vision_encoder_decoder import VisionEncoderDecoderConfig; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
