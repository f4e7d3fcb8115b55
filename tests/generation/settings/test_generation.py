"""A generation config: merged, checked, read and saved (`settings.files`) without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation import GenerationConfig
from automodel_core.generation.settings.generation import DEFAULTS, FIELDS


def test_needs_no_torch():
    code = "import sys, automodel_core.generation as g; g.GenerationConfig()"
    code += "; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_unset_fields_are_none_and_defaults_are_fields():
    config = GenerationConfig(max_new_tokens=3)
    assert config.to_diff_dict() == {"max_new_tokens": 3}
    assert config.max_length is None
    assert FIELDS.issuperset(DEFAULTS)
    assert FIELDS.issubset(config.to_dict())


def test_saving_and_reading_keep_everything(tmp_path):
    config = GenerationConfig(num_beams=4, eos_token_id=[1, 2])
    config.my_key = {"a": [1]}
    config.sequence_bias = {(1, 2): 0.5}
    config.save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert again.num_beams == 4
    assert again.eos_token_id == [1, 2]
    assert again.my_key == {"a": [1]}
    assert again.sequence_bias == [[[1, 2], 0.5]]
    assert again == GenerationConfig.from_json_file(tmp_path / "generation_config.json")
    assert again != config
    assert json.loads(config.to_json_string()) == again.to_diff_dict()
    assert "max_length" in json.loads(config.to_json_string(use_diff=False))


def test_saving_never_fails_because_of_settings(tmp_path):
    config = GenerationConfig()
    config.max_new_tokens = -3
    config.constraints = [object()]
    with pytest.warns(UserWarning, match="max_new_tokens|constraints") as caught:
        config.save_pretrained(tmp_path)
    assert "max_new_tokens must be" in str(caught[0].message)
    assert "'constraints' is left out" in str(caught[1].message)
    with pytest.warns(UserWarning, match="generate\\(\\) will refuse this"):
        assert GenerationConfig.from_pretrained(tmp_path).max_new_tokens == -3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 0}, "max_length must be an integer of at least 1, not 0"),
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"num_beams": 0}, "num_beams"),
        ({"num_beams": True}, "num_beams"),
        ({"early_stopping": "soon"}, "True, False or 'never'"),
        ({"do_sample": True, "temperature": 0}, "temperature must be a finite number above 0"),
        ({"do_sample": True, "temperature": float("nan")}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"num_return_sequences": 2}, "needs do_sample=True"),
        ({"num_return_sequences": 3, "num_beams": 2}, "more than num_beams=2"),
        ({"suppress_tokens": [3], "forced_eos_token_id": 3}, "also in suppress_tokens"),
        ({"streamer": object()}, "argument of generate"),
    ],
)
def test_values_that_can_never_work_are_refused(settings, message):
    with pytest.raises(GenerationArgumentError, match=message.replace("(", "\\(")):
        GenerationConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.5}, "temperature=0.5 has no effect without do_sample=True"),
        ({"length_penalty": 2.0}, "no effect without num_beams above 1"),
        ({"output_scores": True}, "return_dict_in_generate=True"),
        ({"use_cache": False, "cache_implementation": "dynamic"}, "use_cache=True"),
        ({"pad_token_id": -1}, "negative"),
    ],
)
def test_settings_without_effect_are_warned_of(settings, message):
    with pytest.warns(UserWarning, match=message):
        config = GenerationConfig(**settings)
    with pytest.raises(GenerationArgumentError, match=message):
        config.validate(strict=True)


def test_update_returns_what_is_no_field():
    config = GenerationConfig(num_beams=2)
    assert config.update(num_beams=3, length_penalty=2.0, unknown=1) == {"unknown": 1}
    assert (config.num_beams, config.length_penalty) == (3, 2.0)
    assert config.update(defaults_only=True, num_beams=5, min_length=2) == {"num_beams": 5}
    assert (config.num_beams, config.min_length) == (3, 2)
    assert config.update(allow_custom_entries=True, unknown=1) == {}
    assert config.unknown == 1
    with pytest.raises(GenerationArgumentError, match="num_beams"):
        config.update(num_beams=0)


def test_overrides_and_unused_arguments():
    config, unused = GenerationConfig.from_dict(
        {"num_beams": 2, "_from_model_config": True}, max_length=9, x=1, return_unused_kwargs=True
    )
    assert (config.num_beams, config.max_length, unused) == (2, 9, {"x": 1})
    assert "_from_model_config" not in config.to_dict()


def test_legacy_keys_of_a_model_config():
    legacy = {
        "hidden_size": 8, "num_beams": 4, "max_length": 30, "output_scores": True,
        "decoder": {"num_beams": 2, "length_penalty": 0.8}, "eos_token_id": 1, "bos_token_id": 5,
        "force_bos_token_to_be_generated": True,
    }  # fmt: skip
    for source in (legacy, SimpleNamespace(to_dict=lambda: legacy)):
        config = GenerationConfig.from_model_config(source)
        assert (config.num_beams, config.max_length, config.length_penalty) == (4, 30, 0.8)
        assert config.return_dict_in_generate is True
        assert config.forced_bos_token_id == 5
        assert "hidden_size" not in config.to_dict()
