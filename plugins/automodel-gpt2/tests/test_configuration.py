"""GPT-2's configuration: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError
from automodel_gpt2 import GPT2Config

# config.json of openai-community/gpt2, as it stands on the hub.
SMALLEST = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "bos_token_id": 50256,
    "embd_pdrop": 0.1,
    "eos_token_id": 50256,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    "vocab_size": 50257,
}


def test_the_defaults_are_those_of_the_smallest_model() -> None:
    defaults = GPT2Config().to_dict()
    for key in SMALLEST.keys() - {"architectures", "n_ctx", "task_specific_params"}:
        assert defaults.get(key) == SMALLEST[key], key


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALLEST | {"of_tomorrow": [1]}))
    config = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(config, GPT2Config)
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    for key, value in {**SMALLEST, "of_tomorrow": [1]}.items():
        assert written.get(key) == value, key


def test_one_name_for_one_idea() -> None:
    config = GPT2Config(hidden_size=32, num_hidden_layers=3, num_attention_heads=4)
    assert (config.n_embd, config.n_layer, config.n_head) == (32, 3, 4)
    config.max_position_embeddings = 77
    assert config.n_positions == 77
    assert "hidden_size" not in config.to_dict()


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = GPT2Config(100, 32, 24, 3, 4, 60, "relu", 0.2, 0.3, 0.4, 1e-6, 0.01)
    assert (config.vocab_size, config.n_positions, config.n_embd) == (100, 32, 24)
    assert (config.n_layer, config.n_head, config.n_inner) == (3, 4, 60)
    assert (config.activation_function, config.resid_pdrop) == ("relu", 0.2)
    assert (config.embd_pdrop, config.attn_pdrop) == (0.3, 0.4)
    assert (config.layer_norm_epsilon, config.initializer_range) == (1e-6, 0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vocab_size": 0}, "vocab_size=0"),
        ({"n_embd": "768"}, "n_embd='768'"),
        ({"n_inner": -1}, "n_inner=-1"),
        ({"attn_pdrop": 1.5}, "attn_pdrop=1.5"),
        ({"layer_norm_epsilon": -1.0}, "layer_norm_epsilon"),
        ({"summary_type": "middle"}, "cls_index"),
        ({"n_embd": 30, "n_head": 4}, "not a multiple"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        GPT2Config(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_gpt2, automodel_gpt2.plugin; "
        "from automodel_gpt2 import GPT2Config; GPT2Config(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
