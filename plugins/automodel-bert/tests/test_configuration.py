"""BERT's configuration: the hub's keys and defaults, checked, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_bert import BertConfig
from automodel_core.errors import ConfigurationError

# config.json of google-bert/bert-base-uncased, as it stands on the hub.
BASE_UNCASED = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "transformers_version": "4.6.0.dev0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 30522,
}


def test_the_defaults_are_those_of_bert_base() -> None:
    config = BertConfig.from_dict(BASE_UNCASED)
    defaults = BertConfig().to_dict()
    for key in BASE_UNCASED.keys() - {"architectures", "gradient_checkpointing"}:
        if key != "transformers_version":
            assert defaults[key] == BASE_UNCASED[key], key
    assert config.num_labels == 2
    assert not config.is_decoder


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(BASE_UNCASED | {"of_tomorrow": [1]}))
    config = BertConfig.from_pretrained(tmp_path)
    assert config.of_tomorrow == [1]
    config.save_pretrained(tmp_path / "again")
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.items() >= {**BASE_UNCASED, "of_tomorrow": [1]}.items()


def test_positional_arguments_are_in_the_order_that_users_know() -> None:
    config = BertConfig(100, 32, 3, 4, 64, "relu", 0.2, 0.3, 40, 1, 0.01, 1e-5, 7)
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (100, 32, 3)
    assert (config.num_attention_heads, config.intermediate_size) == (4, 64)
    assert (config.hidden_act, config.hidden_dropout_prob) == ("relu", 0.2)
    assert (config.attention_probs_dropout_prob, config.max_position_embeddings) == (0.3, 40)
    assert (config.type_vocab_size, config.initializer_range) == (1, 0.01)
    assert (config.layer_norm_eps, config.pad_token_id) == (1e-5, 7)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vocab_size": 0}, "vocab_size=0"),
        ({"hidden_size": "768"}, "hidden_size='768'"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob=1.5"),
        ({"layer_norm_eps": -1.0}, "layer_norm_eps"),
        ({"pad_token_id": -1}, "pad_token_id"),
        ({"position_embedding_type": "rotary"}, "relative_key_query"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
        ({"num_labels": 3, "id2label": {0: "no", 1: "yes"}}, "num_labels=3"),
        ({"problem_type": "ranking"}, "problem_type"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BertConfig(**wrong)


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_bert, automodel_bert.plugin; "
        "from automodel_bert import BertConfig; BertConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
