"""From the arguments of ``generate`` to one config: what is set where, and what wins."""

from __future__ import annotations

import pytest
import torch

from automodel_core import generation as g
from automodel_core.errors import GenerationArgumentError

PROMPT = torch.tensor([[3, 4, 5], [6, 7, 8]])


def test_a_given_config_is_checked_with_the_keywords(decoder):
    config = g.GenerationConfig(num_beams=4, num_return_sequences=4)
    assert decoder.generate(PROMPT, config, max_new_tokens=2).shape[0] == 8
    with pytest.raises(GenerationArgumentError, match="more than num_beams=2"):
        decoder.generate(PROMPT, config, max_new_tokens=2, num_beams=2)


def test_defaults_and_precedence(decoder, prompt):
    with pytest.warns(UserWarning, match="at most 20 new tokens"):
        assert decoder.generate(prompt, eos_token_id=None).shape == (2, 23)
    decoder.generation_config.update(max_length=6, eos_token_id=None)
    decoder.generation_config.eos_token_id = None
    assert decoder.generate(prompt).shape == (2, 6)
    config = g.GenerationConfig(max_length=7)
    assert decoder.generate(prompt, config).shape == (2, 7)
    assert decoder.generate(prompt, config, max_length=8).shape == (2, 8)
    assert decoder.generate(prompt, max_new_tokens=1).shape == (2, 4)
    with pytest.warns(UserWarning, match="max_new_tokens=2 is used, max_length=9 is not"):
        assert decoder.generate(prompt, max_new_tokens=2, max_length=9).shape == (2, 5)
    with pytest.warns(UserWarning, match="min_new_tokens=1 is used, min_length=2 is not"):
        decoder.generate(prompt, min_new_tokens=1, min_length=2)
    assert config.to_diff_dict() == {"max_length": 7}


def test_the_models_settings_may_be_left_out(decoder, prompt):
    decoder.generation_config.update(num_beams=3, eos_token_id=1)
    config = g.GenerationConfig(max_new_tokens=4)
    plain = decoder.generate(prompt, config, num_beams=1)
    assert decoder.generate(prompt, config, use_model_defaults=False).tolist() == plain.tolist()
    beams = decoder.generate(prompt, config, num_beams=3)
    for flag in (None, True):
        assert decoder.generate(prompt, config, use_model_defaults=flag).tolist() == beams.tolist()


def test_the_labels_of_a_whole_batch_are_passed_over(decoder, prompt):
    expected = decoder.generate(prompt, max_new_tokens=3)
    assert torch.equal(decoder.generate(prompt, max_new_tokens=3, labels=prompt), expected)
