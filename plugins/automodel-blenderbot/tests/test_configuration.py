"""The configurations of Blenderbot and Blenderbot-small: defaults, files, no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automodel_blenderbot import BlenderbotConfig, BlenderbotForCausalLM, BlenderbotSmallConfig
from automodel_core import AutoConfig
from automodel_core.errors import ConfigurationError, InputError


def test_defaults_are_those_of_the_released_models() -> None:
    large, small = BlenderbotConfig(), BlenderbotSmallConfig()
    assert (large.encoder_layers, large.decoder_layers, large.d_model) == (2, 24, 2560)
    assert (small.encoder_layers, small.decoder_layers, small.d_model) == (8, 8, 512)
    assert large.encoder_no_repeat_ngram_size == 3
    for config in (large, small):
        tokens = (config.pad_token_id, config.bos_token_id, config.eos_token_id)
        assert tokens == (0, 1, 2)
        assert (config.decoder_start_token_id, config.forced_eos_token_id) == (1, 2)


@pytest.mark.parametrize("kind", [BlenderbotConfig, BlenderbotSmallConfig])
def test_a_file_holds_everything(kind: type, tmp_path: Path) -> None:
    made = kind(
        encoder_layers=3, layernorm_variant="prelayernorm", extra_pos_embeddings=0,
        num_beams=10, min_length=20,
    )  # fmt: skip
    made.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert type(again) is kind
    again._name_or_path = ""
    assert again == made
    assert again.layernorm_variant == "prelayernorm"


def test_one_is_no_other() -> None:
    with pytest.raises(InputError, match="takes a BlenderbotConfig"):
        BlenderbotForCausalLM.from_pretrained(None, config=BlenderbotSmallConfig(), state_dict={})


@pytest.mark.parametrize(("key", "value"), [("d_model", 30), ("encoder_no_repeat_ngram_size", -1)])
def test_a_value_that_does_not_fit_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        BlenderbotConfig(**{key: value})


def test_neither_plugin_nor_configuration_imports_torch() -> None:
    code = (
        "import sys, automodel_blenderbot, automodel_blenderbot.plugin; "
        "automodel_blenderbot.BlenderbotConfig(); assert 'torch' not in sys.modules; "
        "automodel_blenderbot.BlenderbotSmallModel; assert 'torch' in sys.modules"
    )
    quiet = ("-W", "error", "-W", "ignore:Failed to initialize NumPy")
    subprocess.run([sys.executable, *quiet, "-c", code], check=True)
