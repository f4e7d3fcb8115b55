"""Greedy search and sampling: one token a row and step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.token_buffer import TokenBuffer
from automodel_core.generation.strategies.finished_rows import Finish
from automodel_core.generation.strategies.recorder import Trace
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["drawn", "grow", "likeliest", "sample"]

CHUNK = 256


def sample(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row with the likeliest token, or one drawn from the distribution."""
    return grow(session, request)


def grow(
    session: DecodingSession,
    request: DecodingRequest,
    rescore: Callable[[Tensor], Tensor] | None = None,
) -> GenerateOutput:
    """Let every row grow token by token, by scores that ``rescore`` makes of the logits."""
    config = request.config
    process = request.logits_processor.in_place()
    trace = Trace(config, session)
    finish = Finish(request, trace)
    tokens = TokenBuffer(session.prompt, request.max_length, fill=request.pad_token_id or 0)
    exact = process is not None or trace.keeps_scores or bool(config.do_sample)

    logits = session.start()
    while True:
        trace.logits(logits)
        scores = logits.float() if exact else logits
        if rescore is not None:
            scores = rescore(scores)
        if process is not None:
            scores = process(tokens.ids, scores)
        trace.scores(scores)
        new = drawn(scores) if config.do_sample else likeliest(scores)
        new = finish.padded(new)
        tokens.append(new)
        if request.streamer is not None:
            request.streamer.put(new.cpu())
        if request.progress is not None:
            request.progress.advance()
        if finish(tokens.ids, new):
            break
        logits = session.step(tokens.ids)

    return trace.output(tokens.ids)


def drawn(scores: Tensor) -> Tensor:
    """Return a token (rows,) drawn from each row's distribution."""
    try:
        return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)
    except RuntimeError as error:
        if bool(scores.amax(dim=-1).isfinite().all()):
            raise
        raise GenerationArgumentError(
            "there is no token to draw: the scores are NaN, or no token is allowed"
        ) from error


def likeliest(scores: Tensor) -> Tensor:
    """Return the index (rows,) of each row's highest score, the first of equal ones.

    On a CPU the highest score of a chunk is found several times faster than its place, so the place
    is looked for only in the chunk that holds the highest score of all.
    """
    rows, vocabulary = scores.shape
    if rows == 1 or vocabulary < 2 * CHUNK or scores.device.type != "cpu":
        return scores.argmax(dim=-1)
    chunks = vocabulary // CHUNK
    highest = scores[:, : chunks * CHUNK].unflatten(1, (chunks, CHUNK)).amax(dim=-1)
    rest = scores[:, -CHUNK:].amax(dim=-1, keepdim=True)
    chunk = torch.cat([highest, rest], dim=1).argmax(dim=-1, keepdim=True)
    start = (chunk * CHUNK).clamp_(max=vocabulary - CHUNK)
    place = scores.gather(1, start + torch.arange(CHUNK)).argmax(dim=-1)
    return start.squeeze(1) + place
