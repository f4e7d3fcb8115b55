"""When sequences that grow together are finished, and what finished ones are filled with."""

from __future__ import annotations

from torch import Tensor

from automodel_core.generation.processors.stopping import (
    EosTokenCriteria,
    MaxLengthCriteria,
    StoppingCriteriaList,
)
from automodel_core.generation.strategies.recorder import Trace
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["Finish"]


class Finish:
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
        self.rows: Tensor | None = None
        """Which rows are finished, a bool tensor (rows,); None as long as none can be."""

    def padded(self, new: Tensor) -> Tensor:
        """Return the tokens, those of finished rows replaced by padding."""
        if self.rows is None or self._pad is None:
            return new
        return new.masked_fill_(self.rows, self._pad)

    def __call__(self, ids: Tensor, new: Tensor) -> bool:
        if self._max_length is not None and ids.shape[1] >= self._max_length:
            return True
        finished = self.rows
        for criterion in self._ends:
            ended = criterion.ends(new)
            finished = ended if finished is None else finished | ended
        if self._others:
            stopped = self._others(ids, self._trace.scores_so_far)
            finished = stopped if finished is None else finished | stopped
        if finished is None:
            return False
        if finished.shape[0] > 1:
            self.rows = finished
        return bool(finished.all())
