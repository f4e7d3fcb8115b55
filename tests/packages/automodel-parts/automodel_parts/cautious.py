"""A strategy: greedy search that ends a row where the two likeliest tokens are too close."""

from __future__ import annotations

import torch

from automodel_core.generation import (
    DecodingRequest,
    DecodingSession,
    GenerateDecoderOnlyOutput,
    GenerateOutput,
)


def decode(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row; one ends where its best token leads by less than ``margin``."""
    margin = request.config.margin or 0.0
    pad = 0 if request.pad_token_id is None else request.pad_token_id
    ids = session.prompt
    ended = torch.zeros(len(ids), dtype=torch.bool)
    scores = session.start()
    while True:
        scores = request.logits_processor(ids, scores.float())
        best = scores.log_softmax(-1).topk(2, dim=-1)
        ended = ended | (best.values[:, 0] - best.values[:, 1] < margin)
        tokens = best.indices[:, 0].masked_fill(ended, pad)
        ids = torch.cat([ids, tokens[:, None]], dim=1)
        if request.streamer is not None:
            request.streamer.put(tokens)
        ended = ended | request.stopping_criteria(ids, (scores,))
        if ended.all():
            return GenerateDecoderOnlyOutput(sequences=ids)
        scores = session.step(ids)
