"""A decoding strategy that stops where the model is not sure."""

from __future__ import annotations

import math

from torch import Tensor

from automodel_core.generation import DecodingRequest, DecodingSession, GenerateOutput, grow


def cautious(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """End a row when its likeliest token is less likely than ``least_probability``, or 0.1."""
    least = math.log(getattr(request.config, "least_probability", None) or 0.1)

    def rescore(logits: Tensor) -> Tensor:
        scores = logits.log_softmax(dim=-1)
        unsure = scores.amax(dim=-1) < least
        for token in request.eos_token_ids[:1]:
            scores[unsure] = -math.inf
            scores[unsure, token] = 0.0
        return scores

    return grow(session, request, rescore)
