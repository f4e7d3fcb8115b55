"""Marian's configurations: what they default to, derive, refuse and write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core.errors import ConfigurationError
from automodel_marian import MarianConfig

PUBLISHED = {
    "_num_labels": 3, "activation_dropout": 0.0, "activation_function": "swish",
    "add_bias_logits": False, "add_final_layer_norm": False, "architectures": ["MarianMTModel"],
    "attention_dropout": 0.0, "bad_words_ids": [[58100]], "bos_token_id": 0,
    "classif_dropout": 0.0, "d_model": 512, "decoder_attention_heads": 8, "decoder_ffn_dim": 2048,
    "decoder_layerdrop": 0.0, "decoder_layers": 6, "decoder_start_token_id": 58100,
    "dropout": 0.1, "encoder_attention_heads": 8, "encoder_ffn_dim": 2048,
    "encoder_layerdrop": 0.0, "encoder_layers": 6, "eos_token_id": 0,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, "init_std": 0.02,
    "is_encoder_decoder": True, "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
    "max_length": 512, "max_position_embeddings": 512, "model_type": "marian",
    "normalize_before": False, "normalize_embedding": False, "num_beams": 6,
    "num_hidden_layers": 6, "pad_token_id": 58100, "scale_embedding": True,
    "static_position_embeddings": True, "vocab_size": 58101,
}  # fmt: skip


def test_a_published_configuration_is_read() -> None:
    config = MarianConfig.from_dict(PUBLISHED)
    assert (config.hidden_size, config.num_attention_heads, config.num_hidden_layers) == (512, 8, 6)
    assert (config.decoder_vocab_size, config.num_labels) == (58101, 3)
    assert config.share_encoder_decoder_embeddings
    kept = ("bad_words_ids", "static_position_embeddings", "max_length", "num_beams")
    assert all(config.to_dict()[key] == PUBLISHED[key] for key in kept)
    assert config == MarianConfig.from_dict(json.loads(config.to_json_string()))


def test_its_generation_settings_are_used(make) -> None:
    settings = {"bad_words_ids": [[46]], "num_beams": 6, "max_length": 20, "max_new_tokens": None}
    generation = make("MarianMTModel", **settings).generation_config
    assert (generation.num_beams, generation.max_length) == (6, 20)
    assert (generation.bad_words_ids, generation.forced_eos_token_id) == ([[46]], 0)
    assert generation.decoder_start_token_id == 46


def test_the_decoder_has_the_encoders_vocabulary_unless_it_is_named() -> None:
    assert MarianConfig(vocab_size=70).decoder_vocab_size == 70
    assert MarianConfig(vocab_size=70, decoder_vocab_size=50).decoder_vocab_size == 50
    values = {**PUBLISHED, "decoder_vocab_size": None}
    assert MarianConfig.from_dict(values).decoder_vocab_size == 58101


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("decoder_vocab_size", -1),
        ("share_encoder_decoder_embeddings", "yes"),
        ("decoder_layers", 1.5),
        ("dropout", 2),
        ("encoder_attention_heads", 7),
        ("decoder_attention_heads", 7),
    ],
)
def test_a_value_that_cannot_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        MarianConfig(**{key: value})


def test_a_file_holds_everything(tmp_path: Path) -> None:
    made = MarianConfig(decoder_vocab_size=31, share_encoder_decoder_embeddings=False)
    made.save_pretrained(tmp_path)
    again = MarianConfig.from_pretrained(tmp_path)
    again._name_or_path = ""
    assert again == made


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_marian, automodel_marian.plugin; automodel_marian.MarianConfig(); "
        "assert 'torch' not in sys.modules; assert 'automodel_marian.modeling' not in sys.modules; "
        "assert set(automodel_marian.__all__) <= set(dir(automodel_marian)); "
        "automodel_marian.MarianModel; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)
