"""TrOCR's configuration: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import ConfigurationError
from automodel_trocr import TrOCRConfig

# What the decoder's part of microsoft/trocr-base-handwritten's config.json says.
DECODER: dict[str, Any] = {
    "activation_dropout": 0.0,
    "activation_function": "gelu",
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "classifier_dropout": 0.0,
    "cross_attention_hidden_size": 768,
    "d_model": 1024,
    "decoder_attention_heads": 16,
    "decoder_ffn_dim": 4096,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 12,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "eos_token_id": 2,
    "init_std": 0.02,
    "is_decoder": True,
    "max_position_embeddings": 512,
    "model_type": "trocr",
    "pad_token_id": 1,
    "scale_embedding": False,
    "use_cache": False,
    "vocab_size": 50265,
}


def test_the_defaults_are_those_of_the_base_model() -> None:
    defaults = TrOCRConfig().to_dict()
    its_own = {"classifier_dropout", "cross_attention_hidden_size", "is_decoder", "use_cache"}
    for key in DECODER.keys() - its_own:
        assert defaults[key] == DECODER[key], key
    assert defaults["use_learned_position_embeddings"]
    assert defaults["layernorm_embedding"]


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(DECODER | {"of_tomorrow": [1]}))
    config = TrOCRConfig.from_pretrained(tmp_path)
    assert (config.hidden_size, config.num_attention_heads, config.num_hidden_layers) == (
        1024, 16, 12,
    )  # fmt: skip
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= {**DECODER, "of_tomorrow": [1]}.items()


def test_sines_have_no_end() -> None:
    assert TrOCRConfig().position_limit == 512
    assert TrOCRConfig(use_learned_position_embeddings=False).position_limit is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"d_model": "1024"}, "d_model='1024'"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"pad_token_id": None}, "pad_token_id=None"),
        ({"layernorm_embedding": 1}, "layernorm_embedding=1"),
        ({"d_model": 30, "decoder_attention_heads": 4}, "not a multiple"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TrOCRConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_trocr, automodel_trocr.plugin; "
        "from automodel_trocr import TrOCRConfig; TrOCRConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
