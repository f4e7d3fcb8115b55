"""Greedy search and sampling: one token a row and step."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.generation.outputs import (
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
    GenerateOutput,
)
from automodel_core.generation.request import DecodingRequest
from automodel_core.generation.session import DecodingSession
from automodel_core.generation.stopping import (
    EosTokenCriteria,
    MaxLengthCriteria,
    StoppingCriteriaList,
)
from automodel_core.generation.tokens import TokenBuffer
from automodel_core.generation.trace import Trace

__all__ = ["likeliest", "sample"]

CHUNK = 256


def sample(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row with the likeliest token, or one drawn from the distribution."""
    config = request.config
    process = request.logits_processor.in_place()
    trace = Trace(config, session)
    finish = _Finish(request, trace)
    tokens = TokenBuffer(session.prompt, request.max_length, fill=request.pad_token_id or 0)
    exact = process is not None or trace.keeps_scores or bool(config.do_sample)

    logits = session.start()
    while True:
        trace.logits(logits)
        scores = logits.float() if exact else logits
        if process is not None:
            scores = process(tokens.ids, scores)
        trace.scores(scores)
        new = _drawn(scores) if config.do_sample else likeliest(scores)
        new = finish.padded(new)
        tokens.append(new)
        if request.streamer is not None:
            request.streamer.put(new.cpu())
        if request.progress is not None:
            request.progress.advance()
        if finish(tokens.ids, new):
            break
        logits = session.step(tokens.ids)

    output = (
        GenerateEncoderDecoderOutput if session.is_encoder_decoder else GenerateDecoderOnlyOutput
    )
    return output(sequences=tokens.ids, **trace.fields())


def _drawn(scores: Tensor) -> Tensor:
    return torch.multinomial(scores.softmax(dim=-1), num_samples=1).squeeze(1)


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


class _Finish:
    """Tell when all rows are finished, and pad the rows that are.

    Nothing is read back from the device unless a row can finish before the maximum length.
    """

    def __init__(self, request: DecodingRequest, trace: Trace) -> None:
        criteria = request.stopping_criteria
        self._max_length = criteria.max_length
        # By exact type: what a subclass changes must be asked.
        self._ends = [c for c in criteria if type(c) is EosTokenCriteria]
        rest = [c for c in criteria if type(c) not in (EosTokenCriteria, MaxLengthCriteria)]
        self._others = StoppingCriteriaList(rest)
        pads = any(isinstance(c, EosTokenCriteria) for c in criteria)
        self._pad = request.pad_token_id if pads else None
        self._trace = trace
        self._finished: Tensor | None = None

    def padded(self, new: Tensor) -> Tensor:
        """Return the tokens, those of finished rows replaced by padding."""
        if self._finished is None or self._pad is None:
            return new
        return new.masked_fill_(self._finished, self._pad)

    def __call__(self, ids: Tensor, new: Tensor) -> bool:
        if self._max_length is not None and ids.shape[1] >= self._max_length:
            return True
        finished = self._finished
        for criterion in self._ends:
            ended = criterion.ends(new)
            finished = ended if finished is None else finished | ended
        if self._others:
            stopped = self._others(ids, self._trace.scores_so_far)
            finished = stopped if finished is None else finished | stopped
        if finished is None:
            return False
        if finished.shape[0] > 1:
            self._finished = finished
        return bool(finished.all())
