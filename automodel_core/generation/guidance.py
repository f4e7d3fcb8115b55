"""Classifier-free guidance: away from what the model says without the prompt (arXiv:2306.17806)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.generation.logits_processors import LogitsProcessor
from automodel_core.generation.protocol import GenerativeModel

__all__ = ["UnbatchedClassifierFreeGuidanceLogitsProcessor"]


class UnbatchedClassifierFreeGuidanceLogitsProcessor(LogitsProcessor):
    """Move a decoder's scores ``guidance_scale`` times as far from the unconditional ones.

    The unconditional text starts with ``unconditional_ids`` (rows, length), a negative prompt, or
    with the last token of the prompt. The model runs a second time for it in every step.
    """

    def __init__(
        self,
        guidance_scale: float,
        model: GenerativeModel,
        unconditional_ids: Tensor | None = None,
        unconditional_attention_mask: Tensor | None = None,
        use_cache: bool = True,
    ) -> None:
        self.guidance_scale = guidance_scale
        self.model = model
        self.use_cache = use_cache
        self._ids: Any = unconditional_ids
        self._mask: Any = unconditional_attention_mask
        self._cache: Any = None
        self._is_first = True

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        conditional = scores.log_softmax(dim=-1)
        if self.guidance_scale == 1:
            return conditional
        logits = self._unconditional_logits(input_ids)
        unconditional = logits.to(conditional.dtype).log_softmax(dim=-1)
        return self.guidance_scale * (conditional - unconditional) + unconditional

    def _unconditional_logits(self, input_ids: Tensor) -> Tensor:
        newest = input_ids[:, -1:]
        if self._is_first:
            self._ids = newest if self._ids is None else self._ids
            self._mask = torch.ones_like(self._ids) if self._mask is None else self._mask
            self._is_first = False
        else:
            self._ids = newest if self.use_cache else torch.cat([self._ids, newest], dim=1)
            self._mask = torch.cat([self._mask, torch.ones_like(newest)], dim=1)
        output = self.model(
            input_ids=self._ids,
            attention_mask=self._mask,
            use_cache=self.use_cache,
            past_key_values=self._cache,
        )
        self._cache = output.past_key_values if self.use_cache else None
        logits: Tensor = output.logits[:, -1]
        return logits
