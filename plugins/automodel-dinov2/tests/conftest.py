"""Small random models for the tests of DINOv2 and Depth Anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_dinov2

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2,
    "image_size": 12, "patch_size": 4,
}  # fmt: skip
DEPTH = {
    "backbone_config": {
        **SMALL, "model_type": "dinov2", "out_indices": [1, 2], "reshape_hidden_states": False,
    },
    "patch_size": 4, "reassemble_hidden_size": 16, "reassemble_factors": [2, 1],
    "neck_hidden_sizes": [6, 8], "fusion_hidden_size": 8, "head_hidden_size": 4,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_dinov2, name)
        small = DEPTH if name.startswith("Depth") else SMALL
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
