"""M2M100's configuration: its defaults, what it refuses, released files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import automodel_m2m100
from automodel_core.errors import ConfigurationError
from automodel_m2m100 import M2M100Config


def test_defaults_are_those_of_the_smallest_release() -> None:
    config = M2M100Config()
    assert (config.vocab_size, config.d_model, config.decoder_layers) == (128112, 1024, 12)
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)
    assert (config.activation_function, config.scale_embedding) == ("relu", True)
    assert (config.encoder_layerdrop, config.attention_dropout) == (0.05, 0.1)
    assert config.decoder_start_token_id == 2
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (
        1024, 12, 16,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pad_token_id", None),
        ("d_model", 0),
        ("encoder_layerdrop", 1.5),
        ("scale_embedding", "yes"),
        ("encoder_attention_heads", 3),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        M2M100Config(**{key: value})


def test_the_configuration_of_nllb_is_read(tmp_path: Path) -> None:
    values = {
        "activation_dropout": 0.0, "activation_function": "relu",
        "architectures": ["M2M100ForConditionalGeneration"], "attention_dropout": 0.1,
        "bos_token_id": 0, "d_model": 1024, "decoder_attention_heads": 16,
        "decoder_ffn_dim": 4096, "decoder_layerdrop": 0, "decoder_layers": 12,
        "decoder_start_token_id": 2, "dropout": 0.1, "encoder_attention_heads": 16,
        "encoder_ffn_dim": 4096, "encoder_layerdrop": 0, "encoder_layers": 12,
        "eos_token_id": 2, "init_std": 0.02, "is_encoder_decoder": True, "max_length": 200,
        "max_position_embeddings": 1024, "model_type": "m2m_100", "num_hidden_layers": 12,
        "pad_token_id": 1, "scale_embedding": True, "tokenizer_class": "NllbTokenizer",
        "torch_dtype": "float32", "use_cache": True, "vocab_size": 256206,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    config = M2M100Config.from_pretrained(tmp_path)
    assert (config.vocab_size, config.encoder_layerdrop) == (256206, 0)
    assert config.tokenizer_class == "NllbTokenizer"
    config.save_pretrained(tmp_path / "saved")
    again = M2M100Config.from_pretrained(tmp_path / "saved")
    assert again.to_dict() == config.to_dict()


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_m2m100 as m, automodel_m2m100.plugin; m.M2M100Config(); "
        "m.M2M100Tokenizer; assert 'torch' not in sys.modules; "
        "m.M2M100Model; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)


def test_every_public_name_exists() -> None:
    for name in automodel_m2m100.__all__:
        assert getattr(automodel_m2m100, name) is not None
    with pytest.raises(AttributeError, match="M2M100ForNothing"):
        automodel_m2m100.M2M100ForNothing  # noqa: B018
