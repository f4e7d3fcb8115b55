"""Classifier-free guidance: away from the scores without the prompt (arXiv:2306.17806)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.processors.base import LogitsProcessor
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.session.session import DecodingSession

__all__ = [
    "ClassifierFreeGuidanceLogitsProcessor",
    "UnbatchedClassifierFreeGuidanceLogitsProcessor",
]


class ClassifierFreeGuidanceLogitsProcessor(LogitsProcessor):
    """Move scores of prompts ``guidance_scale`` times as far from those of empty prompts.

    The first half of the scores' rows belongs to the prompts, the second to the empty ones; there
    are as many ``input_ids`` as prompts.
    """

    def __init__(self, guidance_scale: float) -> None:
        if not guidance_scale > 1:
            raise GenerationArgumentError(
                f"guidance_scale must be above 1, not {shown(guidance_scale)}"
            )
        self.guidance_scale = guidance_scale

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if scores.shape[0] != 2 * input_ids.shape[0]:
            raise GenerationArgumentError(
                f"expected scores of {2 * input_ids.shape[0]} rows, with and without a prompt, for "
                f"{input_ids.shape[0]} texts, not {scores.shape[0]}"
            )
        conditional, unconditional = scores.chunk(2)
        return unconditional + (conditional - unconditional) * self.guidance_scale


class UnbatchedClassifierFreeGuidanceLogitsProcessor(LogitsProcessor):
    """Move a decoder's scores ``guidance_scale`` times as far from the unconditional ones.

    The unconditional text starts with ``unconditional_ids`` (batch, length), a negative prompt, or
    with the last token of the prompt. A session of its own runs the model for it in every step.
    """

    remembers: ClassVar[bool] = True

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
        self._ids = unconditional_ids
        self._mask = unconditional_attention_mask
        self._session: DecodingSession | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        conditional = scores.log_softmax(dim=-1)
        if self.guidance_scale == 1:
            return conditional
        unconditional = self._unconditional_logits(input_ids).float().log_softmax(dim=-1)
        return self.guidance_scale * (conditional - unconditional) + unconditional

    def _unconditional_logits(self, input_ids: Tensor) -> Tensor:
        newest = input_ids[:, -1:]
        if self._session is None:
            self._session = self._started(newest)
            self._ids = self._session.prompt
            return self._session.start()
        self._ids = newest if self._ids is None else torch.cat([self._ids, newest], dim=1)
        return self._session.step(self._ids)

    def _started(self, newest: Tensor) -> DecodingSession:
        ids = newest if self._ids is None else self._ids
        other_mask = self._mask is not None and self._mask.shape != ids.shape
        if other_mask or newest.shape[0] % ids.shape[0]:
            raise GenerationArgumentError(
                f"negative_prompt_ids of shape {tuple(ids.shape)} must have a row for each prompt, "
                "and its mask the same shape"
            )
        return DecodingSession(
            self.model,
            DecodingInputs(prompt=ids, mask=self._mask),
            rows_per_item=newest.shape[0] // ids.shape[0],
            use_cache=self.use_cache,
        )
