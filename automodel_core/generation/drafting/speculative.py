"""Speculative decoding: a draft is verified by one forward of the model (arXiv:2211.17192).

Something cheap proposes the next few tokens; the model reads all of them at once and keeps those
that it would have chosen itself, and one token of its own behind them. What comes out is the same
as without a draft: the same ids in greedy search, the same distribution in sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.processors.base import LogitsProcessor
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.token_buffer import TokenBuffer
from automodel_core.generation.strategies.finished_rows import Finish
from automodel_core.generation.strategies.recorder import Trace
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.strategies.sampling import drawn, likeliest

__all__ = ["Draft", "Proposal", "decode_with_draft"]


class Proposal(NamedTuple):
    """Tokens (rows, n) that may come next, and what each was drawn from, if a model says so.

    A token of -1 fills a row that has fewer than another, and is never kept. ``probabilities``
    (rows, n, vocabulary) are those of the tokens of the model that verifies.
    """

    tokens: Tensor
    probabilities: Tensor | None = None

    @property
    def length(self) -> int:
        return int(self.tokens.shape[1])

    def behind(self, ids: Tensor) -> Tensor:
        """Return ``ids`` with the tokens behind them, as they can be fed."""
        return torch.cat([ids, self.tokens.clamp(min=0)], dim=1)


class Draft(Protocol):
    """What proposes tokens."""

    def propose(self, ids: Tensor, most: int) -> Proposal:
        """Propose up to ``most`` tokens to follow ``ids`` (rows, length); it may be none."""

    def learn(self, proposed: int, kept: int) -> None:
        """Be told how many tokens of the last proposal were kept."""

    def close(self) -> None:
        """Be told that no more tokens are needed."""


def decode_with_draft(
    session: DecodingSession, request: DecodingRequest, draft: Draft
) -> GenerateOutput:
    """Continue every row; of a batch as many tokens are kept as all unfinished rows agree on."""
    _refuse_memory(request)
    session.require_rollback()
    trace = Trace(request.config, session)
    finish = Finish(request, trace)
    tokens = TokenBuffer(session.prompt, request.max_length, fill=request.pad_token_id or 0)
    process = request.logits_processor.in_place()
    verify = _Sampled(request) if request.config.do_sample else _Greedy(request)

    proposal = Proposal(tokens.ids[:, :0])
    logits = session.start()[:, None]
    while True:
        scores = _processed(process, proposal.behind(tokens.ids), logits)
        chosen = verify(scores, proposal, finish.rows)
        over = False
        for place in range(chosen.shape[1]):
            trace.logits(logits[:, place])
            trace.scores(scores[:, place], _Place(place, proposal.length))
            new = finish.padded(chosen[:, place])
            tokens.append(new)
            if request.streamer is not None:
                request.streamer.put(new.cpu())
            if request.progress is not None:
                request.progress.advance()
            over = finish(tokens.ids, new)
            if over:
                break
        session.crop(tokens.length - 1)
        draft.learn(proposal.length, chosen.shape[1] - 1)
        if over:
            break
        proposal = draft.propose(tokens.ids, request.max_length - tokens.length - 1)
        logits = session.feed(proposal.behind(tokens.ids), positions=proposal.length + 1)
    draft.close()
    return trace.output(tokens.ids)


def _refuse_memory(request: DecodingRequest) -> None:
    """Raise for processors that remember what they saw: drafts are seen and then dropped."""
    for processor in request.logits_processor:
        if isinstance(processor, LogitsProcessor) and processor.remembers:
            raise GenerationArgumentError(
                f"{type(processor).__name__} follows a text step by step, and cannot be used with "
                "drafts, of which a part is dropped"
            )


def _processed(process: Callable[..., Tensor] | None, ids: Tensor, logits: Tensor) -> Tensor:
    """Return the scores (rows, n, vocabulary) of the last n positions of ``ids`` and behind."""
    logits = logits.float()
    if process is None:
        return logits
    first = ids.shape[1] - logits.shape[1] + 1
    steps = [process(ids[:, : first + i], logits[:, i].clone()) for i in range(logits.shape[1])]
    return torch.stack(steps, dim=1)


class _Place:
    """Pick one of the positions that a forward has verified."""

    def __init__(self, place: int, proposed: int) -> None:
        self.later = proposed - place
        self.verifies = proposed > 0

    def __call__(self, layer: Tensor, name: str) -> Tensor:
        if not self.verifies:
            return layer
        at = layer.shape[-2] - 1 - self.later
        layer = layer[..., at : at + 1, :]
        return layer[..., : layer.shape[-1] - self.later] if name == "attentions" else layer


class _Greedy:
    """Keep what is the likeliest token."""

    def __init__(self, request: DecodingRequest) -> None:
        self.weight = request.config.assistant_ensemble_weight

    def __call__(self, scores: Tensor, proposal: Proposal, finished: Tensor | None) -> Tensor:
        """Return the tokens (rows, kept+1) to go on with."""
        if self.weight is not None and proposal.probabilities is not None:
            mixed = _mixed(scores[:, :-1].softmax(-1), proposal.probabilities, self.weight)
            scores = torch.cat([mixed, scores[:, -1:]], dim=1)
        chosen = likeliest(scores.flatten(0, 1)).view(scores.shape[:2])
        return chosen[:, : _agreed(chosen[:, :-1] == proposal.tokens, finished) + 1]


class _Sampled:
    """Keep a token with probability p/q, and draw another where it is not kept (algorithm 1).

    p are the model's probabilities, q the draft's. Of a draft without them a token is kept if it is
    the one that is drawn from p.
    """

    def __init__(self, request: DecodingRequest) -> None:
        self.weight = request.config.assistant_ensemble_weight

    def __call__(self, scores: Tensor, proposal: Proposal, finished: Tensor | None) -> Tensor:
        """Return the tokens (rows, kept+1) to go on with."""
        tokens, q = proposal
        if q is None or proposal.length == 0:
            chosen = drawn(scores.flatten(0, 1)).view(scores.shape[:2])
            return chosen[:, : _agreed(chosen[:, :-1] == tokens, finished) + 1]
        p = scores.softmax(dim=-1)
        wanted = p[:, :-1] if self.weight is None else _mixed(p[:, :-1], q, self.weight)
        ratio = (wanted / q).gather(2, tokens[..., None]).squeeze(2)
        accepted = torch.rand_like(ratio) < ratio
        kept = _agreed(accepted, finished)
        behind = p[:, kept]
        if kept < proposal.length:
            rest = (p[:, kept] - q[:, kept]).clamp_(min=0)
            behind = torch.where(rest.sum(dim=-1, keepdim=True) > 0, rest, behind)
        new = torch.multinomial(behind, num_samples=1)
        if kept < proposal.length:
            # Other rows may have ended the agreement: then the token stands.
            new = torch.where(accepted[:, kept, None], tokens[:, kept, None], new)
        return torch.cat([tokens[:, :kept], new], dim=1)


def _mixed(p: Tensor, q: Tensor, weight: float) -> Tensor:
    """Return what an ensemble of model and draft says (arXiv:2604.07622)."""
    return weight * p + (1 - weight) * q


def _agreed(same: Tensor, finished: Tensor | None) -> int:
    """Return how many tokens all unfinished rows agree on, from (rows, n) bools."""
    if finished is not None:
        same = same | finished[:, None]
    return int(same.all(dim=0).cumprod(dim=0).sum())
