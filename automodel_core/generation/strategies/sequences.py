"""The sequences of a batch, which grow by one token a row and step until all are finished."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.generation.processors.stopping import EosTokenCriteria
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["Sequences"]

BLOCK = 1024


class Sequences:
    """Token ids (rows, length), written in place into a buffer that doubles when it is full.

    Finished rows are padded. Nothing is read back from the device unless a row can finish before
    the maximum length.
    """

    def __init__(self, prompt: Tensor, request: DecodingRequest, recorder: Recorder) -> None:
        rows, self.length = prompt.shape
        room = max(min(request.max_length, self.length + BLOCK), self.length + 1)
        self._ids = prompt.new_zeros((rows, room), dtype=torch.long)
        self._ids[:, : self.length] = prompt
        self._streamer, self._progress = request.streamer, request.progress
        self._recorder = recorder
        criteria = request.stopping_criteria
        self._max_length = criteria.max_length
        self._ends, self._others = criteria.split()
        can_end = any(isinstance(c, EosTokenCriteria) for c in criteria)
        self._pad = request.pad_token_id if can_end else None
        self.finished: Tensor | None = None
        """Which rows are finished, a bool tensor (rows,); None as long as none can be."""

    @property
    def ids(self) -> Tensor:
        return self._ids[:, : self.length]

    def append(self, tokens: Tensor) -> bool:
        """Add one token to each row (rows,), padding to finished ones; return whether all are."""
        if self.finished is not None and self._pad is not None:
            tokens = tokens.masked_fill_(self.finished, self._pad)
        if self.length == self._ids.shape[1]:
            self._ids = torch.cat([self._ids, torch.zeros_like(self._ids)], dim=1)
        self._ids[:, self.length] = tokens
        self.length += 1
        if self._streamer is not None:
            self._streamer.put(tokens.cpu())
        if self._progress is not None:
            self._progress.advance()
        return self._all_finished(tokens)

    def _all_finished(self, tokens: Tensor) -> bool:
        if self._max_length is not None and self.length >= self._max_length:
            return True
        finished = self.finished
        for criterion in self._ends:
            ended = criterion.ends(tokens)
            finished = ended if finished is None else finished | ended
        if self._others:
            stopped = self._others(self.ids, self._recorder.scores_so_far)
            finished = stopped if finished is None else finished | stopped
        if finished is None:
            return False
        if finished.shape[0] > 1:
            self.finished = finished
        return bool(finished.all())
