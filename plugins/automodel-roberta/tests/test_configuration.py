"""The configurations: the hub's keys and defaults, and without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError
from automodel_roberta import CamembertConfig, RobertaConfig, XLMRobertaConfig

# config.json of FacebookAI/xlm-roberta-base, as it stands on the hub.
XLM_ROBERTA_BASE = {
    "architectures": ["XLMRobertaForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514,
    "model_type": "xlm-roberta",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "output_past": True,
    "pad_token_id": 1,
    "position_embedding_type": "absolute",
    "transformers_version": "4.17.0.dev0",
    "type_vocab_size": 1,
    "use_cache": True,
    "vocab_size": 250002,
}


def test_every_key_survives_reading_and_writing(tmp_path: Path) -> None:
    config = XLMRobertaConfig.from_dict(XLM_ROBERTA_BASE)
    assert config.position_limit == 512
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is XLMRobertaConfig
    assert again.to_dict().items() >= XLM_ROBERTA_BASE.items()


@pytest.mark.parametrize("kind", [RobertaConfig, XLMRobertaConfig, CamembertConfig])
def test_special_tokens(kind: type[RobertaConfig]) -> None:
    config = kind()
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)


def test_positions_begin_behind_the_padding_token_if_there_is_one() -> None:
    assert RobertaConfig(max_position_embeddings=9).position_limit == 7
    assert RobertaConfig(max_position_embeddings=9, pad_token_id=None).position_limit == 9
    with pytest.raises(ConfigurationError, match="pad_token_id"):
        RobertaConfig(pad_token_id=-1)


def test_neither_the_configurations_nor_the_manifest_import_torch() -> None:
    code = (
        "import sys, automodel_roberta, automodel_roberta.plugin; "
        "from automodel_roberta import CamembertConfig; CamembertConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
