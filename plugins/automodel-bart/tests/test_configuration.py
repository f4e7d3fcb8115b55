"""BART's configuration: its defaults, its labels, old files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_bart import BartConfig
from automodel_core.errors import ConfigurationError
from automodel_core.generation import GenerationConfig


def test_defaults_are_those_of_the_large_model() -> None:
    config = BartConfig()
    assert (config.vocab_size, config.d_model, config.encoder_layers) == (50265, 1024, 12)
    assert (config.pad_token_id, config.bos_token_id, config.eos_token_id) == (1, 0, 2)
    assert (config.decoder_start_token_id, config.forced_eos_token_id) == (2, 2)
    assert config.is_encoder_decoder
    assert not config.is_decoder


@pytest.mark.parametrize("count", [None, 2, 3, 5])
def test_there_are_three_labels_unless_a_file_says_otherwise(
    count: int | None, tmp_path: Path
) -> None:
    config = BartConfig() if count is None else BartConfig(num_labels=count)
    assert config.num_labels == (count or 3)
    config.save_pretrained(tmp_path)
    assert BartConfig.from_pretrained(tmp_path).num_labels == config.num_labels


def test_a_file_holds_everything(tmp_path: Path) -> None:
    config = BartConfig(
        encoder_layers=3, decoder_layers=1, encoder_layerdrop=0.1, scale_embedding=True,
        classifier_dropout=0.2, normalize_before=False, forced_bos_token_id=0,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert values["model_type"] == "bart"
    assert "hidden_size" not in values
    again = BartConfig.from_pretrained(tmp_path)
    again._name_or_path = ""
    assert again == config
    assert (again.normalize_before, again.forced_bos_token_id) == (False, 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"force_bos_token_to_be_generated": True}, 0),
        ({"force_bos_token_to_be_generated": True, "forced_bos_token_id": 7}, 7),
        ({"force_bos_token_to_be_generated": False}, None),
    ],
)
def test_the_first_files_force_the_begin_of_a_text(
    values: dict[str, object], expected: int | None, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    config = BartConfig.from_pretrained(tmp_path)
    assert GenerationConfig.from_model_config(config).forced_bos_token_id == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classifier_dropout", 2.0),
        ("encoder_layers", 0),
        ("activation_function", None),
        ("pad_token_id", "1"),
        ("decoder_attention_heads", 3),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        BartConfig(**{key: value})


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_bart, automodel_bart.plugin; automodel_bart.BartConfig(); "
        "assert 'torch' not in sys.modules; assert 'automodel_bart.modeling' not in sys.modules; "
        "automodel_bart.BartModel; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)


def test_every_public_name_exists() -> None:
    import automodel_bart

    assert set(automodel_bart.__all__) <= set(dir(automodel_bart))
    for name in automodel_bart.__all__:
        assert getattr(automodel_bart, name) is not None
    assert automodel_bart.PretrainedBartModel is automodel_bart.BartPreTrainedModel
    with pytest.raises(AttributeError, match="BartForNothing"):
        automodel_bart.BartForNothing  # noqa: B018
