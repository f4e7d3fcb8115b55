"""Small random models for the tests of Blenderbot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_blenderbot

SMALL = {
    "vocab_size": 41, "max_position_embeddings": 32, "d_model": 16, "dropout": 0.0,
    "encoder_layers": 2, "encoder_ffn_dim": 24, "encoder_attention_heads": 4,
    "decoder_layers": 3, "decoder_ffn_dim": 20, "decoder_attention_heads": 2,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_blenderbot, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    ids = torch.randint(3, 41, (2, 7), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 2
    return ids
