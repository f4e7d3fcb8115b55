"""Small random models for the tests of T5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_t5

SMALL = {
    "vocab_size": 47, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 16,
    "decoder_start_token_id": 0, "dropout_rate": 0.0,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_t5, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    ids = torch.randint(2, 47, (2, 7), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 1
    return ids
