"""Small random models for the tests of GPT-2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_gpt2

SMALL = {
    "vocab_size": 47, "n_positions": 24, "n_embd": 16, "n_layer": 2, "n_head": 2,
    "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 0,
    "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        model = getattr(automodel_gpt2, name)(automodel_gpt2.GPT2Config(**{**SMALL, **settings}))
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model.eval()

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    return torch.randint(3, 47, (2, 7), generator=torch.Generator().manual_seed(1))
