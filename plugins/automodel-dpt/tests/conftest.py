"""Small random models for the tests of DPT and BiT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_dpt

DPT = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "image_size": 16, "patch_size": 4, "backbone_out_indices": [0, 1], "fusion_hidden_size": 8,
    "reassemble_factors": [2, 1], "neck_hidden_sizes": [6, 8],
}  # fmt: skip
BIT = {"embedding_size": 8, "hidden_sizes": [16, 24], "depths": [1, 2], "num_groups": 4}


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_dpt, name)
        small = BIT if name.startswith("Bit") else DPT
        model = kind(kind.config_class(**{**small, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
