"""The candidates of one step of a beam search, and the finished beams it keeps."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["IMPOSSIBLE", "Candidates", "FinishedBeams"]

IMPOSSIBLE = -1e9
"""The score of a beam that does not exist. Finite, so that sums of it can still be compared."""


class Candidates(NamedTuple):
    """Continuations of B items, each field (B, candidates), best (or first sampled) first.

    ``rows`` are the running beams that the ``tokens`` follow, counted over the whole batch.
    """

    scores: Tensor
    tokens: Tensor
    rows: Tensor

    def sequences(self, ids: Tensor) -> Tensor:
        """Return the candidates' token ids (B*candidates, length+1)."""
        tokens = self.tokens.view(-1, 1)
        return torch.cat([ids.index_select(0, self.rows.flatten()), tokens], dim=1)


class FinishedBeams:
    """The best ``num_beams`` finished sequences of each item so far, best first.

    A score is the sum of log-probabilities divided by the number of new tokens to the power
    ``length_penalty``.
    """

    def __init__(
        self, items: int, num_beams: int, request: DecodingRequest, prompt: Tensor
    ) -> None:
        config = request.config
        self.items, self.num_beams = items, num_beams
        self.max_length = request.max_length
        self.early_stopping = config.early_stopping
        self.length_penalty = 1.0 if config.length_penalty is None else config.length_penalty
        self.prompt_length = prompt.shape[1]
        self.any = False
        """Whether `add` was called yet; until then there is nothing to compare with."""
        self._pad = _padding(request)
        self._ids = prompt.view(items, num_beams, -1)
        self._parents = prompt.new_empty((items, num_beams, 0), dtype=torch.int32)
        self._scores = torch.full((items, num_beams), IMPOSSIBLE, device=prompt.device)
        self._is_full = torch.zeros((items, num_beams), dtype=torch.bool, device=prompt.device)
        self._open = torch.ones((items, 1), dtype=torch.bool, device=prompt.device)

    def add(self, candidates: Candidates, finished: Tensor, ids: Tensor, parents: Tensor) -> None:
        """Merge the finished candidates that rank among the best ``num_beams``.

        ``finished`` is (B, candidates); ``ids`` (B*K, length) and ``parents`` (B*K, steps) belong
        to the beams that the candidates follow.
        """
        self.any = True
        new_length = ids.shape[1] + 1
        ended = finished.clone()
        ended[:, self.num_beams :] = False
        scores = candidates.scores / ((new_length - self.prompt_length) ** self.length_penalty)
        closed = ~self._open
        if self.early_stopping is True:
            closed = closed.float() + self._is_full.all(dim=1, keepdim=True)
        scores = scores + closed * IMPOSSIBLE
        scores = scores + ~ended * IMPOSSIBLE

        self._scores, best = torch.cat([self._scores, scores], dim=1).topk(self.num_beams)
        self._is_full = torch.cat([self._is_full, ended], dim=1).gather(1, best)
        follows = candidates.rows[..., None].to(torch.int32)
        rows = candidates.rows.flatten()
        shape = (self.items, candidates.tokens.shape[1], -1)
        new_ids = torch.cat(
            [ids.index_select(0, rows).view(shape), candidates.tokens[..., None]], -1
        )
        new_parents = torch.cat([parents.index_select(0, rows).view(shape), follows], dim=-1)
        self._ids = _merged(self._ids, new_ids, best, self._pad)
        self._parents = _merged(self._parents, new_parents, best, -1)

    def can_improve(self, running_scores: Tensor, length: int) -> Tensor:
        """Return, as a bool tensor (), whether a running beam may still rank among the best.

        ``running_scores`` are (B, K), ``length`` is that of the running beams. Their best score is
        divided by this length, or with ``early_stopping="never"`` and a positive length penalty by
        the full length.
        """
        reachable = length
        if self.early_stopping == "never" and self.length_penalty > 0.0:
            reachable = self.max_length
        best = running_scores[:, :1] / ((reachable - self.prompt_length) ** self.length_penalty)
        lowest = self._scores.min(dim=1, keepdim=True).values
        worst = torch.where(self._is_full, lowest, IMPOSSIBLE)
        self._open = self._open & (best > worst).any(dim=-1, keepdim=True)
        can_improve = self._open.any()
        if self.early_stopping is True:
            can_improve = can_improve & ~self._is_full.all()
        return can_improve

    def best(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids (rows, length), scores (rows,) and parents (rows, steps) of the best ones."""
        parents = self._parents[:, :count].flatten(0, 1)
        steps = int((parents >= 0).sum(dim=1).max())
        ids = self._ids[:, :count].flatten(0, 1)[:, : self.prompt_length + steps]
        return ids, self._scores[:, :count].flatten(), parents[:, :steps]


def _padding(request: DecodingRequest) -> int:
    """Return the token that pads shorter sequences.

    A padding token of 0 counts as none, so that results equal those of transformers, unless
    ``pad_beams_with_zero`` is set.
    """
    if not request.eos_token_ids:
        return -1
    if request.pad_token_id == 0 and request.config.pad_beams_with_zero:
        return 0
    return request.pad_token_id or request.eos_token_ids[0]


def _merged(old: Tensor, new: Tensor, best: Tensor, pad: int) -> Tensor:
    """Return the rows ``best`` (B, K) of old and new (B, rows, length), the old padded."""
    old = F.pad(old, (0, new.shape[2] - old.shape[2]), value=pad)
    return torch.cat([old, new], dim=1).gather(1, best[..., None].expand(-1, -1, new.shape[2]))
