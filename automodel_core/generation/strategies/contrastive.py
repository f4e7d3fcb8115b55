"""Contrastive search: the likeliest token that does not repeat what was said (arXiv:2202.06417).

Of the ``top_k`` likeliest tokens the one is chosen for which

    (1 - penalty_alpha) * probability - penalty_alpha * degeneration penalty

is highest; the penalty is the highest cosine similarity of the token's last hidden state with the
states of all tokens before it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.token_buffer import TokenBuffer
from automodel_core.generation.strategies.finished_rows import Finish
from automodel_core.generation.strategies.recorder import Trace
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["contrastive_search"]


def contrastive_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row by contrastive search; ``low_memory`` tries one candidate at a time."""
    config = request.config
    process = request.logits_processor.in_place()
    trace = Trace(config, session)
    finish = Finish(request, trace)
    tokens = TokenBuffer(session.prompt, request.max_length, fill=request.pad_token_id or 0)
    alpha = config.penalty_alpha or 0.0

    if session.has_past:
        raise GenerationArgumentError(
            "contrastive search compares with the hidden states of the whole prompt, which "
            "past_key_values does not hold"
        )
    session.require_rollback()
    session.watch_hidden_states()
    logits = session.start()
    said = _Said(session.hidden_states[-1], session.prompt_mask)
    look_ahead = (_OneByOne if config.low_memory else _SideBySide)(session, config.top_k or 1)
    while True:
        trace.logits(logits)
        scores = logits.float()
        if process is not None:
            scores = process(tokens.ids, scores)
        trace.scores(scores, look_ahead.chosen)
        probabilities, candidates = scores.softmax(dim=-1).topk(look_ahead.width)
        next_logits, states = look_ahead(tokens.ids, candidates)
        gain = (1 - alpha) * probabilities - alpha * said.similarity(states)
        best = gain.argmax(dim=1, keepdim=True)

        new = finish.padded(candidates.gather(1, best).squeeze(1))
        tokens.append(new)
        if request.streamer is not None:
            request.streamer.put(new.cpu())
        if request.progress is not None:
            request.progress.advance()
        if finish(tokens.ids, new):
            break
        logits = _of(next_logits, best)
        said.add(_of(states, best))
        look_ahead.take(best, tokens.ids)
    look_ahead.close(tokens.ids)
    return trace.output(tokens.ids)


def _of(candidates: Tensor, best: Tensor) -> Tensor:
    """Return (rows, size) of the ``best`` (rows, 1) of (rows, candidates, size)."""
    return candidates.gather(1, best[..., None].expand(-1, -1, candidates.shape[2])).squeeze(1)


class _Said:
    """The directions of the last hidden states of all tokens so far, with room for as many more."""

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


class _SideBySide:
    """Feed all candidates at once, as rows beside each other.

    Called with ids (rows, length) and candidates (rows, K), it returns what the model says after
    each: logits (rows, K, vocabulary) and last hidden states (rows, K, size). `take` tells which
    candidate is added; `chosen` picks its row out of what the last forward returned.
    """

    def __init__(self, session: DecodingSession, width: int) -> None:
        self.session, self.width = session, width
        self.rows: Tensor | None = None
        session.expand(width)

    def __call__(self, ids: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        longer = torch.cat([ids.repeat_interleave(self.width, 0), candidates.view(-1, 1)], dim=1)
        logits = self.session.step(longer)
        states = self.session.hidden_states[-1][:, -1]
        shape = (*candidates.shape, -1)
        return logits.view(shape), states.view(shape)

    def take(self, best: Tensor, ids: Tensor) -> None:
        first = torch.arange(0, best.numel() * self.width, self.width, device=best.device)
        self.rows = first + best.squeeze(1)
        self.session.reorder(self.rows.repeat_interleave(self.width), since=ids.shape[1] - 1)

    def chosen(self, layer: Tensor, name: str) -> Tensor:
        return layer[:: self.width] if self.rows is None else layer.index_select(0, self.rows)

    def close(self, ids: Tensor) -> None:
        """Leave one row an item, with the cache of all tokens but the last."""
        self.session.crop(ids.shape[1] - 1)
        self.session.narrow(torch.arange(0, len(ids) * self.width, self.width, device=ids.device))


class _OneByOne:
    """Feed one candidate after the other, and at last the one that is added."""

    def __init__(self, session: DecodingSession, width: int) -> None:
        self.session, self.width = session, width

    def __call__(self, ids: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        logits, states = [], []
        for candidate in candidates.unbind(1):
            logits.append(self.session.step(torch.cat([ids, candidate[:, None]], dim=1)))
            states.append(self.session.hidden_states[-1][:, -1])
            self.session.crop(ids.shape[1])
        return torch.stack(logits, dim=1), torch.stack(states, dim=1)

    def take(self, best: Tensor, ids: Tensor) -> None:
        self.session.step(ids)

    def chosen(self, layer: Tensor, name: str) -> Tensor:
        return layer

    def close(self, ids: Tensor) -> None:
        """Leave the cache as it is: the last candidates are forgotten already."""
