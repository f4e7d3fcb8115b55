"""Small random models for the tests of SegFormer and GLPN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_segformer

SMALL = {
    "depths": [1, 1, 1, 1], "hidden_sizes": [8, 8, 12, 16], "num_attention_heads": [1, 2, 3, 4],
    "sr_ratios": [4, 2, 2, 1], "mlp_ratios": [2, 2, 2, 2], "decoder_hidden_size": 8,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_segformer, name)
        torch.manual_seed(0)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3)
        return model

    return build


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
