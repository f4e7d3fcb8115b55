"""Settings of ``generate`` in ``model.config``: heeded whenever they are set, and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel
from support.tiny_lm import TinyConfig, TinyForCausalLM, drawn

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])
SETTINGS: dict[str, Any] = {
    "max_length": 9, "num_beams": 3, "no_repeat_ngram_size": 2, "forced_eos_token_id": 7,
    "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


def loaded(folder: Path) -> TinyForCausalLM:
    model: TinyForCausalLM = TinyForCausalLM.from_pretrained(folder)
    return model


@pytest.mark.parametrize("how", ["attributes", "update"])
def test_settings_made_after_loading_are_heeded_and_saved(tmp_path: Path, how: str) -> None:
    drawn().save_pretrained(tmp_path / "plain")
    model = loaded(tmp_path / "plain")
    expected = model.generate(PROMPT, **SETTINGS)
    assert expected.shape == (2, 9)
    assert torch.isin(expected[:, -1], torch.tensor([0, 2, 7])).all()
    if how == "update":
        model.config.update(SETTINGS)
    else:
        for name, value in SETTINGS.items():
            setattr(model.config, name, value)
    assert torch.equal(model.generate(PROMPT), expected)
    assert model.generate(PROMPT, max_length=5, num_beams=1).shape == (2, 5)
    model.save_pretrained(tmp_path / "again")
    assert torch.equal(loaded(tmp_path / "again").generate(PROMPT), expected)
    settings = GenerationConfig.from_pretrained(tmp_path / "again")
    assert {name: vars(settings)[name] for name in SETTINGS} == SETTINGS


def test_a_new_model_too() -> None:
    model = drawn()
    model.config.max_length = 6
    assert model.generate(PROMPT, eos_token_id=None).shape == (2, 6)
    model.config.eos_token_id = None
    assert model.generate(PROMPT).shape == (2, 6)
    assert model.generate(PROMPT, GenerationConfig(max_length=8)).shape == (2, 8)


def test_the_generation_config_wins_where_both_are_set() -> None:
    model: GenerativePreTrainedModel = TinyForCausalLM(TinyConfig(eos_token_id=None)).eval()
    model.config.max_length = 6
    model.generation_config = GenerationConfig(max_length=7)
    assert model.generate(PROMPT).shape == (2, 7)


def test_trainers_switch_off_the_cache_of_forward_alone(tmp_path: Path) -> None:
    model = drawn()
    model.config.use_cache = False
    given = {"attention_mask": torch.ones_like(PROMPT), "max_new_tokens": 2}
    written = model.generate(PROMPT, return_dict_in_generate=True, **given)
    assert written.past_key_values is not None
    assert model(PROMPT).past_key_values is None
    model.save_pretrained(tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path).use_cache is not False


def foreign() -> Any:
    """Return settings in a class of another library."""

    def to_dict(_: object) -> dict[str, Any]:
        return {"max_new_tokens": 2, "num_beams": None, "their_version": "5", "_private": True}

    return type("GenerationConfig", (), {"to_dict": to_dict})()


def test_settings_of_another_library_are_read(tmp_path: Path) -> None:
    given = {"attention_mask": torch.ones_like(PROMPT)}
    model = drawn()
    assert model.generate(PROMPT, foreign(), **given).shape == (2, 5)
    model.generation_config = foreign()
    assert isinstance(model.generation_config, GenerationConfig)
    assert model.generate(PROMPT, **given).shape == (2, 5)
    model.save_pretrained(tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path).max_new_tokens == 2
    again: TinyForCausalLM = TinyForCausalLM.from_pretrained(tmp_path, generation_config=foreign())
    assert again.generation_config == model.generation_config
    with pytest.raises(GenerationArgumentError, match="expected a GenerationConfig object"):
        model.generation_config = {"max_new_tokens": 2}


def test_trainers_find_the_defaults_by_which_they_pad() -> None:
    settings = GenerationConfig(max_new_tokens=3)
    settings.update(**settings._get_default_generation_params(), defaults_only=True)
    assert (settings.max_length, settings.max_new_tokens) == (20, 3)
    assert settings._from_model_config is False
    assert "_from_model_config" not in settings.to_dict()


def test_settings_of_a_given_configuration_win_over_the_file(tmp_path: Path) -> None:
    model = drawn()
    model.generation_config = GenerationConfig(max_length=9, eos_token_id=None)
    model.save_pretrained(tmp_path)
    config = TinyConfig.from_pretrained(tmp_path)
    plain = TinyForCausalLM.from_pretrained(tmp_path, config=config)
    assert plain.generate(PROMPT).shape == (2, 9)
    config.max_length = 6
    changed = TinyForCausalLM.from_pretrained(tmp_path, config=config)
    assert changed.generate(PROMPT).shape == (2, 6)
    changed.generation_config.max_length = 7
    assert changed.generate(PROMPT).shape == (2, 7)
