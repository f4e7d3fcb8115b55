"""Greedy search and sampling: one token a row and step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.strategies.sequences import Sequences

__all__ = ["greedy_tokens", "grow", "sample", "sampled_tokens"]

CHUNK = 256


def sample(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row with its likeliest token, or with ``do_sample`` a sampled one."""
    return grow(session, request)


def grow(
    session: DecodingSession,
    request: DecodingRequest,
    rescore: Callable[[Tensor], Tensor] | None = None,
) -> GenerateOutput:
    """Continue every row token by token; ``rescore`` turns logits into scores."""
    config = request.config
    process = request.logits_processor.in_place()
    recorder = Recorder(config, session)
    sequences = Sequences(session.prompt, request, recorder)
    exact = process is not None or recorder.records_scores or bool(config.do_sample)

    logits = session.start()
    while True:
        recorder.record_logits(logits)
        scores = logits.float() if exact else logits
        if rescore is not None:
            scores = rescore(scores)
        if process is not None:
            scores = process(sequences.ids, scores)
        recorder.record_step(scores)
        tokens = sampled_tokens(scores) if config.do_sample else greedy_tokens(scores)
        if sequences.append(tokens):
            break
        logits = session.step(sequences.ids)

    return recorder.output(sequences.ids)


def sampled_tokens(scores: Tensor) -> Tensor:
    """Return a token (rows,) sampled from each row's distribution."""
    try:
        return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)
    except RuntimeError as error:
        if bool(scores.amax(dim=-1).isfinite().all()):
            raise
        raise GenerationArgumentError(
            "there is no token to draw: the scores are NaN, or no token is allowed"
        ) from error


def greedy_tokens(scores: Tensor) -> Tensor:
    """Return the index (rows,) of each row's highest score, the first of equal ones.

    On a CPU a maximum is several times faster than an argmax, so each chunk's maximum is computed,
    and the argmax only in the chunk that holds the row's maximum.
    """
    rows, vocabulary = scores.shape
    if rows == 1 or vocabulary < 2 * CHUNK or scores.device.type != "cpu":
        return scores.argmax(dim=-1)
    chunks = vocabulary // CHUNK
    highest = scores[:, : chunks * CHUNK].unflatten(1, (chunks, CHUNK)).amax(dim=-1)
    rest = scores[:, -CHUNK:].amax(dim=-1, keepdim=True)
    chunk = torch.cat([highest, rest], dim=1).argmax(dim=-1, keepdim=True)
    start = (chunk * CHUNK).clamp_(max=vocabulary - CHUNK)
    offset = scores.gather(1, start + torch.arange(CHUNK)).argmax(dim=-1)
    return start.squeeze(1) + offset
