"""Small random models for the tests of CLIP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_clip

LAYERS = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "projection_dim": 6,
}  # fmt: skip
TEXT = {**LAYERS, "vocab_size": 50, "max_position_embeddings": 12, "eos_token_id": 4}
IMAGE = {**LAYERS, "image_size": 12, "patch_size": 4}
BOTH = {"text_config": TEXT, "vision_config": IMAGE, "projection_dim": 6}


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_clip, name)
        small = TEXT if "Text" in name else IMAGE if "Vision" in name else BOTH
        model = kind(kind.config_class(**{**small, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def texts() -> torch.Tensor:
    """Three texts of two tokens or more, each closed by 4 and padded by 1."""
    return torch.tensor([[9, 8, 7, 6, 4], [9, 5, 4, 1, 1], [30, 8, 4, 4, 4]])
