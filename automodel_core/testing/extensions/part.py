"""What is checked: one thing that an extension adds, and a small model to try it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core import registry
from automodel_core.testing.small_models import SmallTextConfig, SmallTextForCausalLM

__all__ = ["PROMPT", "Part"]

PROMPT = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])


@dataclass(frozen=True)
class Part:
    """A manifest of a distribution; ``examples`` are names that a source knows."""

    distribution: str
    module: str
    manifest: Any
    examples: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return str(self.manifest.label).replace("/", "-")

    def name_of(self, function: Callable[..., None]) -> str:
        """Return the id of a check of this part."""
        return f"{function.__name__}-{self.label}"

    def resolve(self, field: str) -> Any:
        """Import what a field of the manifest names."""
        return registry.resolve(getattr(self.manifest, field))

    def decoder(self) -> SmallTextForCausalLM:
        """Return a small model that writes, every weight of it different from zero."""
        torch.manual_seed(0)
        model = SmallTextForCausalLM(SmallTextConfig(is_decoder=True, pad_token_id=0))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
        return model.eval()

    def scores(self, model: Any) -> Tensor:
        """Return a model's scores of the prompt."""
        with torch.no_grad():
            scores: Tensor = model(PROMPT, use_cache=False).logits
        return scores
