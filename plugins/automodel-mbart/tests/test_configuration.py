"""mBART's configuration: its defaults, old files, no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core.errors import ConfigurationError
from automodel_mbart import MBartConfig


def test_no_token_begins_every_target() -> None:
    config = MBartConfig()
    assert config.decoder_start_token_id is None
    assert (config.forced_eos_token_id, config.pad_token_id, config.num_labels) == (2, 1, 2)


def test_the_released_configuration_is_read(tmp_path: Path) -> None:
    config = MBartConfig.from_dict(
        {
            "_num_labels": 3, "add_bias_logits": False, "add_final_layer_norm": True,
            "d_model": 1024, "decoder_layers": 12, "encoder_layers": 12, "model_type": "mbart",
            "normalize_before": True, "normalize_embedding": True, "num_hidden_layers": 12,
            "scale_embedding": True, "static_position_embeddings": False, "vocab_size": 250027,
            "max_length": 1024, "num_beams": 5, "activation_function": "relu",
            "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
            "task_specific_params": {"translation_en_to_ro": {"decoder_start_token_id": 250020}},
        }
    )  # fmt: skip
    assert (config.num_labels, config.num_beams, config.normalize_before) == (3, 5, True)
    config.save_pretrained(tmp_path)
    again = MBartConfig.from_pretrained(tmp_path)
    again._name_or_path = ""
    assert again == config


@pytest.mark.parametrize(("key", "value"), [("classifier_dropout", -1), ("d_model", 1000)])
def test_a_value_that_does_not_fit_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        MBartConfig(**{key: value})


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_mbart, automodel_mbart.plugin; automodel_mbart.MBartConfig(); "
        "assert 'torch' not in sys.modules; assert 'automodel_mbart.modeling' not in sys.modules; "
        "automodel_mbart.MBartModel; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)
