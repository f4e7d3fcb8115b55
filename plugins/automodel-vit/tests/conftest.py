"""Small random models for the tests of ViT and DeiT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_vit

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "image_size": 12, "patch_size": 4, "encoder_stride": 4,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_vit, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
