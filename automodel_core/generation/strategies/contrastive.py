"""Contrastive search: likely tokens whose states differ from those before (arXiv:2202.06417).

Of the ``top_k`` likeliest tokens the one is chosen for which

    (1 - penalty_alpha) * probability - penalty_alpha * degeneration penalty

is highest; the penalty is the highest cosine similarity of the token's last hidden state with the
states of all tokens before it.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.strategies.sequences import Sequences

__all__ = ["contrastive_search"]


def contrastive_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row by contrastive search; ``low_memory`` feeds one candidate at a time."""
    config = request.config
    process = request.logits_processor.in_place()
    recorder = Recorder(config, session)
    sequences = Sequences(session.prompt, request, recorder)
    alpha = config.penalty_alpha or 0.0

    if session.has_past:
        raise GenerationArgumentError(
            "contrastive search compares with the hidden states of the whole prompt, which "
            "past_key_values does not hold"
        )
    session.require_rollback()
    session.watch_hidden_states()
    logits = session.start()
    past = _PastStates(session.hidden_states[-1], session.prompt_mask)
    width = config.top_k or 1
    look_ahead: _LookAhead = (
        _CandidatesInTurn(session) if config.low_memory else _CandidatesAsRows(session, width)
    )
    while True:
        recorder.record_logits(logits)
        scores = logits.float()
        if process is not None:
            scores = process(sequences.ids, scores)
        recorder.record_step(scores, look_ahead.select)
        probabilities, candidates = scores.softmax(dim=-1).topk(width)
        next_logits, states = look_ahead.feed(sequences.ids, candidates)
        gain = (1 - alpha) * probabilities - alpha * past.similarity(states)
        best = gain.argmax(dim=1, keepdim=True)
        if sequences.append(candidates.gather(1, best).squeeze(1)):
            break
        logits = _picked(next_logits, best)
        past.add(_picked(states, best))
        look_ahead.keep(best, sequences.ids)
    look_ahead.close(sequences.ids)
    return recorder.output(sequences.ids)


def _picked(candidates: Tensor, best: Tensor) -> Tensor:
    """Return the ``best`` (rows, 1) of candidates (rows, K, size) as (rows, size)."""
    return candidates.gather(1, best[..., None].expand(-1, -1, candidates.shape[2])).squeeze(1)


class _PastStates:
    """The normalised last hidden states of all tokens so far, in a buffer that doubles."""

    def __init__(self, states: Tensor, mask: Tensor | None) -> None:
        self._directions = F.normalize(states.float(), dim=-1)
        self._length = states.shape[1]
        self._hidden = None if mask is None else mask[..., None] == 0

    def add(self, states: Tensor) -> None:
        if self._length == self._directions.shape[1]:
            room = torch.empty_like(self._directions)
            self._directions = torch.cat([self._directions, room], dim=1)
        self._directions[:, self._length] = F.normalize(states.float(), dim=-1)
        self._length += 1

    def similarity(self, states: Tensor) -> Tensor:
        """Return the highest similarity (rows, K) of each of K states (rows, K, size)."""
        directions = self._directions[:, : self._length]
        cosines = directions @ F.normalize(states.float(), dim=-1).transpose(1, 2)
        if self._hidden is not None:
            prompt = cosines[:, : self._hidden.shape[1]]
            prompt.masked_fill_(self._hidden, torch.finfo(cosines.dtype).min)
        return cosines.amax(dim=1)


class _LookAhead(Protocol):
    """Run the model on each candidate for the next token."""

    def feed(self, ids: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Feed candidates (rows, K) after ids (rows, length).

        Return logits (rows, K, vocabulary) and last hidden states (rows, K, size).
        """

    def keep(self, best: Tensor, ids: Tensor) -> None:
        """Go on with the candidate ``best`` (rows, 1), which ``ids`` end with."""

    def select(self, layer: Tensor, name: str) -> Tensor:
        """Pick the rows of the kept candidates out of what the last forward returned."""

    def close(self, ids: Tensor) -> None:
        """Leave one row an item, and a cache of all tokens but the last."""


class _CandidatesAsRows:
    """Feed all ``width`` candidates at once, each as a row of its own."""

    def __init__(self, session: DecodingSession, width: int) -> None:
        self.session, self.width = session, width
        self.kept: Tensor | None = None
        session.expand(width)

    def feed(self, ids: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        longer = torch.cat([ids.repeat_interleave(self.width, 0), candidates.view(-1, 1)], dim=1)
        logits = self.session.step(longer)
        states = self.session.hidden_states[-1][:, -1]
        shape = (*candidates.shape, -1)
        return logits.view(shape), states.view(shape)

    def keep(self, best: Tensor, ids: Tensor) -> None:
        first = torch.arange(0, best.numel() * self.width, self.width, device=best.device)
        self.kept = first + best.squeeze(1)
        self.session.reorder(self.kept.repeat_interleave(self.width), since=ids.shape[1] - 1)

    def select(self, layer: Tensor, name: str) -> Tensor:
        return layer[:: self.width] if self.kept is None else layer.index_select(0, self.kept)

    def close(self, ids: Tensor) -> None:
        self.session.crop(ids.shape[1] - 1)
        self.session.narrow(torch.arange(0, len(ids) * self.width, self.width, device=ids.device))


class _CandidatesInTurn:
    """Feed one candidate after the other, and the kept one again."""

    def __init__(self, session: DecodingSession) -> None:
        self.session = session

    def feed(self, ids: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        logits, states = [], []
        for candidate in candidates.unbind(1):
            logits.append(self.session.step(torch.cat([ids, candidate[:, None]], dim=1)))
            states.append(self.session.hidden_states[-1][:, -1])
            self.session.crop(ids.shape[1])
        return torch.stack(logits, dim=1), torch.stack(states, dim=1)

    def keep(self, best: Tensor, ids: Tensor) -> None:
        self.session.step(ids)

    def select(self, layer: Tensor, name: str) -> Tensor:
        return layer

    def close(self, ids: Tensor) -> None:
        """Leave the cache as it is: the last candidates were cropped."""
