"""A model without its upper layers, which shares all weights."""

from __future__ import annotations

import pytest
import torch

from automodel_core.errors import GenerationArgumentError
from support.tiny_lm import drawn


def test_a_model_without_a_stack_cannot_end_early(decoder, prompt):
    with pytest.raises(GenerationArgumentError, match="TinyDecoder cannot end early"):
        decoder.generate(prompt, assistant_early_exit=1, max_new_tokens=2)


def test_ending_early_leaves_the_model_whole():
    model = drawn(num_layers=3)
    before = [name for name, _ in model.named_parameters()]
    model.generate(torch.tensor([[3, 4]]), assistant_early_exit=1, max_new_tokens=3)
    assert [name for name, _ in model.named_parameters()] == before
