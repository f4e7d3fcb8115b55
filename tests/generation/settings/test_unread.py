"""Keys that nothing reads are warned of where a caller writes them, and kept."""

from __future__ import annotations

import pytest

from automodel_core.generation import GenerationConfig


def test_keys_that_nothing_reads_are_warned_of(recwarn):
    with pytest.warns(UserWarning, match="'max_new_token' .did you mean 'max_new_tokens'"):
        config = GenerationConfig(max_new_token=3, num_beams=2)
    assert config.max_new_token == 3
    recwarn.clear()
    GenerationConfig(transformers_version="5.0")
    GenerationConfig.from_dict({"of_tomorrow": 1})
    assert not recwarn.list
