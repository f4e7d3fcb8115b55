"""Small random models for the tests of VideoMAE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_videomae

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "image_size": 8, "patch_size": 4, "num_frames": 4, "decoder_hidden_size": 12,
    "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_videomae, name)
        torch.manual_seed(0)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3)
        return model

    return build


@pytest.fixture
def videos() -> torch.Tensor:
    return torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
