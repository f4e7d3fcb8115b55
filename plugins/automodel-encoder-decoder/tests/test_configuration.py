"""The configuration: as the hub has it, in its old form too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError
from automodel_core.testing import SmallTextConfig, register_small_parts
from automodel_encoder_decoder import EncoderDecoderConfig

register_small_parts()

# What config.json held before generation had a file of its own: each side wrote down everything.
LEGACY = {
    "add_cross_attention": False,
    "bos_token_id": None,
    "do_sample": False,
    "early_stopping": False,
    "finetuning_task": None,
    "is_encoder_decoder": False,
    "length_penalty": 1.0,
    "max_length": 20,
    "num_beams": 1,
    "num_labels": 2,
    "pruned_heads": {},
    "temperature": 1.0,
    "tie_encoder_decoder": False,
    "top_k": 50,
    "torchscript": False,
    "use_bfloat16": False,
    "xla_device": None,
}
OLD = {
    "_name_or_path": "two",
    "architectures": ["EncoderDecoderModel"],
    "decoder": {"model_type": "small-text", **LEGACY, "is_decoder": True, "vocab_size": 40},
    "encoder": {"model_type": "small-text", **LEGACY, "is_decoder": False},
    "decoder_start_token_id": 1,
    "early_stopping": True,
    "eos_token_id": 2,
    "is_encoder_decoder": True,
    "max_length": 142,
    "model_type": "encoder-decoder",
    "num_beams": 4,
    "pad_token_id": 0,
    "tie_encoder_decoder": False,
}


def test_an_old_file_is_read_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OLD))
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is EncoderDecoderConfig
    assert type(config.encoder) is type(config.decoder) is SmallTextConfig
    assert (config.decoder.vocab_size, config.encoder.vocab_size) == (40, 23)
    assert config.decoder.add_cross_attention
    assert not config.encoder.is_decoder
    assert (config.num_beams, config.decoder.num_beams) == (4, 1)
    config.save_pretrained(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "config.json").read_text())
    common = {"add_cross_attention", "bos_token_id", "is_encoder_decoder", "num_labels"}
    kept = LEGACY.keys() - common - {"tie_encoder_decoder", "torchscript"}
    assert config.encoder.torchscript is LEGACY["torchscript"]
    assert {key: again["encoder"][key] for key in kept} == {key: LEGACY[key] for key in kept}
    assert AutoConfig.from_pretrained(tmp_path / "again").to_dict() == config.to_dict()


def test_both_sides_are_needed() -> None:
    with pytest.raises(ConfigurationError, match="encoder=None cannot be used"):
        EncoderDecoderConfig()


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_encoder_decoder, automodel_encoder_decoder.plugin; "
        "from automodel_encoder_decoder import EncoderDecoderConfig; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
