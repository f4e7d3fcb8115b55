"""T5's configurations: what they default to, derive, refuse and write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core.errors import ConfigurationError
from automodel_t5 import MT5Config, T5Config, UMT5Config


def test_the_activation_follows_from_its_released_name() -> None:
    for name, activation, gated in (
        ("relu", "relu", False),
        ("gelu", "gelu", False),
        ("gated-gelu", "gelu_new", True),
        ("gated-silu", "silu", True),
        ("gated-relu", "relu", True),
    ):
        config = T5Config(feed_forward_proj=name)
        assert (config.dense_act_fn, config.is_gated_act) == (activation, gated)


@pytest.mark.parametrize("name", ["", "gated-", "open-gelu", "gated-gelu-new", 3])
def test_an_activation_that_is_none_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match="feed_forward_proj"):
        T5Config(feed_forward_proj=name)


@pytest.mark.parametrize("config", [T5Config, MT5Config, UMT5Config])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("d_model", 0),
        ("d_model", "512"),
        ("num_heads", -1),
        ("relative_attention_num_buckets", 3),
        ("num_layers", 1.5),
        ("dropout_rate", 1.5),
        ("layer_norm_epsilon", 0.0),
        ("relative_attention_max_distance", True),
        ("use_cache", "yes"),
        ("eos_token_id", [1, "2"]),
    ],
)
def test_a_value_out_of_range_is_refused(config: type, key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        config(**{key: value})
    made = config()
    with pytest.raises(ConfigurationError, match=key):
        setattr(made, key, value)


def test_sizes_have_the_names_that_other_architectures_use() -> None:
    config = T5Config(hidden_size=24, num_attention_heads=3, num_hidden_layers=4, head_dim=5)
    assert (config.d_model, config.num_heads, config.num_layers, config.d_kv) == (24, 3, 4, 5)
    assert config.num_decoder_layers == 4
    config.hidden_size = 32
    assert config.d_model == 32
    assert "hidden_size" not in config.to_dict()


def test_ties_and_scaling_belong_together() -> None:
    for config, tied, scaled in (
        (T5Config(), True, True),
        (T5Config(tie_word_embeddings=False), False, False),
        (T5Config(tie_word_embeddings=True, scale_decoder_outputs=False), False, False),
        (MT5Config(), False, False),
        (MT5Config(tie_word_embeddings=True), False, False),
        (UMT5Config(), True, True),
        (UMT5Config(tie_word_embeddings=False), False, False),
    ):
        assert (config.tie_word_embeddings, config.scale_decoder_outputs) == (tied, scaled)


@pytest.mark.parametrize("config", [T5Config, MT5Config, UMT5Config])
def test_a_file_holds_everything(config: type, tmp_path: Path) -> None:
    made = config(
        d_model=24, num_decoder_layers=2, feed_forward_proj="gated-silu", num_labels=5,
        task_specific_params={"summarization": {"prefix": "summarize: "}},
    )  # fmt: skip
    made.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert values["model_type"] == config.model_type
    again = config.from_pretrained(tmp_path)
    again._name_or_path = ""
    assert again == made
    assert again.task_specific_params["summarization"]["prefix"] == "summarize: "
    assert type(again) is config


def test_the_released_configuration_of_t5_small_is_read() -> None:
    config = T5Config.from_dict(
        {
            "architectures": ["T5ForConditionalGeneration"], "d_ff": 2048, "d_kv": 64,
            "d_model": 512, "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1,
            "initializer_factor": 1.0, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06,
            "model_type": "t5", "n_positions": 512, "num_heads": 8, "num_layers": 6,
            "output_past": True, "pad_token_id": 0, "relative_attention_num_buckets": 32,
            "task_specific_params": {"summarization": {"num_beams": 4}}, "vocab_size": 32128,
        }
    )  # fmt: skip
    assert config == T5Config.from_dict(json.loads(config.to_json_string()))
    assert config.n_positions == 512
    assert config.relative_attention_max_distance == 128


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_t5, automodel_t5.plugin; automodel_t5.T5Config(); "
        "assert 'torch' not in sys.modules; assert 'automodel_t5.modeling' not in sys.modules; "
        "automodel_t5.T5Model; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)


def test_every_public_name_exists() -> None:
    import automodel_t5

    assert set(automodel_t5.__all__) <= set(dir(automodel_t5))
    for name in automodel_t5.__all__:
        assert getattr(automodel_t5, name) is not None
    with pytest.raises(AttributeError, match="T5ForNothing"):
        automodel_t5.T5ForNothing  # noqa: B018
