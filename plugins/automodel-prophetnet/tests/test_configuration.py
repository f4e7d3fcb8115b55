"""ProphetNet's configuration: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core.errors import ConfigurationError
from automodel_prophetnet import ProphetNetConfig

# As older files have it: with settings of generation, and keys that nothing reads any more.
OLD = {
    "activation_dropout": 0.1, "activation_function": "gelu", "add_cross_attention": True,
    "attention_dropout": 0.1, "bos_token_id": 102, "decoder_ffn_dim": 4096,
    "decoder_layerdrop": 0.1, "decoder_start_token_id": 102, "disable_ngram_loss": False,
    "dropout": 0.1, "encoder_ffn_dim": 4096, "encoder_layerdrop": 0.1, "eos_token_id": 102,
    "eps": 0.1, "gradient_checkpointing": False, "hidden_size": 1024, "init_std": 0.02,
    "is_encoder_decoder": True, "length_penalty": 2.0, "max_length": 110,
    "max_position_embeddings": 512, "min_length": 45, "ngram": 2, "no_repeat_ngram_size": 3,
    "num_beams": 4, "num_buckets": 32, "num_decoder_attention_heads": 16,
    "num_decoder_layers": 12, "num_encoder_attention_heads": 16, "num_encoder_layers": 12,
    "num_hidden_layers": 12, "output_past": False, "pad_token_id": 0, "prefix": " ",
    "relative_max_distance": 128, "vocab_size": 30522,
}  # fmt: skip


def test_an_old_file_is_read_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OLD), encoding="utf-8")
    config = ProphetNetConfig.from_pretrained(tmp_path)
    assert config.encoder_layerdrop == 0.1
    assert (config.bos_token_id, config.eos_token_id, config.num_beams) == (102, 102, 4)
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert written["model_type"] == "prophetnet"
    aliases = {"num_hidden_layers"}
    assert {key: written.get(key) for key in OLD if key not in aliases} == {
        key: value for key, value in OLD.items() if key not in aliases
    }


def test_generation_follows_an_old_file() -> None:
    from automodel_core.generation import GenerationConfig

    generation = GenerationConfig.from_model_config(ProphetNetConfig.from_dict(OLD))
    assert (generation.num_beams, generation.max_length, generation.min_length) == (4, 110, 45)
    assert (generation.no_repeat_ngram_size, generation.length_penalty) == (3, 2.0)
    assert (generation.decoder_start_token_id, generation.eos_token_id) == (102, 102)


def test_sizes_have_the_names_that_other_architectures_use() -> None:
    config = ProphetNetConfig(num_attention_heads=8, num_hidden_layers=3)
    assert (config.num_encoder_attention_heads, config.num_decoder_attention_heads) == (8, 16)
    assert (config.num_encoder_layers, config.num_decoder_layers) == (3, 12)
    assert config.num_hidden_layers == 3
    assert "num_hidden_layers" not in config.to_dict()


def test_only_the_decoder_runs_out_of_positions() -> None:
    config = ProphetNetConfig(max_position_embeddings=20, pad_token_id=1)
    assert (config.decoder_positions, config.position_limit) == (17, None)
    config.is_encoder_decoder = False
    assert config.position_limit == 17


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = ProphetNetConfig(0.2, "relu", 100, 32, 64, 3, 4, 48, 2, 8, 0.3, 0.4, 40, 0.01)
    assert (config.activation_dropout, config.activation_function) == (0.2, "relu")
    assert (config.vocab_size, config.hidden_size) == (100, 32)
    assert (config.encoder_ffn_dim, config.num_encoder_layers) == (64, 3)
    assert (config.num_encoder_attention_heads, config.decoder_ffn_dim) == (4, 48)
    assert (config.num_decoder_layers, config.num_decoder_attention_heads) == (2, 8)
    assert (config.attention_dropout, config.dropout) == (0.3, 0.4)
    assert (config.max_position_embeddings, config.init_std) == (40, 0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ngram": 0}, "ngram=0"),
        ({"num_buckets": 1}, "num_buckets=1"),
        ({"hidden_size": "1024"}, "hidden_size='1024'"),
        ({"eps": 1.5}, "eps=1.5"),
        ({"pad_token_id": None}, "pad_token_id=None"),
        ({"hidden_size": 40}, "num_encoder_attention_heads=16"),
        ({"num_decoder_attention_heads": 5}, "num_decoder_attention_heads=5"),
        ({"relative_max_distance": 16}, "relative_max_distance=16 must be above half"),
        ({"max_position_embeddings": 8, "pad_token_id": 5}, "leaves no position"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ProphetNetConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_prophetnet, automodel_prophetnet.plugin; "
        "automodel_prophetnet.ProphetNetConfig(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_exists() -> None:
    import automodel_prophetnet

    assert set(automodel_prophetnet.__all__) <= set(dir(automodel_prophetnet))
    for name in automodel_prophetnet.__all__:
        assert getattr(automodel_prophetnet, name) is not None
