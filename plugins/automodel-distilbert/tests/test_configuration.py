"""DistilBERT's configuration: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError
from automodel_distilbert import DistilBertConfig

# config.json of distilbert/distilbert-base-uncased, as it stands on the hub.
BASE_UNCASED = {
    "activation": "gelu",
    "architectures": ["DistilBertForMaskedLM"],
    "attention_dropout": 0.1,
    "dim": 768,
    "dropout": 0.1,
    "hidden_dim": 3072,
    "initializer_range": 0.02,
    "max_position_embeddings": 512,
    "model_type": "distilbert",
    "n_heads": 12,
    "n_layers": 6,
    "pad_token_id": 0,
    "qa_dropout": 0.1,
    "seq_classif_dropout": 0.2,
    "sinusoidal_pos_embds": False,
    "tie_weights_": True,
    "transformers_version": "4.10.0.dev0",
    "vocab_size": 30522,
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    DistilBertConfig.from_dict(BASE_UNCASED).save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is DistilBertConfig
    assert again.to_dict().items() >= BASE_UNCASED.items()


def test_the_names_of_other_architectures_work_too() -> None:
    config = DistilBertConfig(hidden_size=24, num_attention_heads=3, num_hidden_layers=1)
    assert (config.dim, config.n_heads, config.n_layers) == (24, 3, 1)
    assert config.intermediate_size == config.hidden_dim == 3072


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = DistilBertConfig(100, 40, True, 2, 4, 32, 64, 0.2, 0.3, "relu", 0.01, 0.4, 0.5, 7)
    assert (config.max_position_embeddings, config.sinusoidal_pos_embds) == (40, True)
    assert (config.n_layers, config.n_heads, config.dim, config.hidden_dim) == (2, 4, 32, 64)
    assert (config.qa_dropout, config.seq_classif_dropout, config.pad_token_id) == (0.4, 0.5, 7)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"dim": 30, "n_heads": 4}, "not a multiple"), ({"dropout": 1.5}, "dropout=1.5")],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DistilBertConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_distilbert, automodel_distilbert.plugin; "
        "from automodel_distilbert import DistilBertConfig; DistilBertConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
