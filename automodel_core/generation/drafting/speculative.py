"""Speculative decoding: a draft is verified by one forward of the model (arXiv:2211.17192).

Something cheap proposes the next few tokens; the model reads all of them at once, accepts those
that it would have chosen itself, and adds one token of its own. The result is the same as without a
draft: the same ids in greedy search, the same distribution in sampling.
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
from automodel_core.generation.strategies.recorder import Recorder
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.strategies.sampling import greedy_tokens, sampled_tokens
from automodel_core.generation.strategies.sequences import Sequences

__all__ = ["Draft", "Proposal", "decode_with_draft"]


class Proposal(NamedTuple):
    """Proposed next tokens (rows, n), and the distributions they come from, if there are any.

    Rows with fewer tokens than others are padded with -1, which is never accepted.
    ``probabilities`` (rows, n, vocabulary) are over the tokens of the model that verifies.
    """

    tokens: Tensor
    probabilities: Tensor | None = None

    @property
    def length(self) -> int:
        return int(self.tokens.shape[1])

    def appended_to(self, ids: Tensor) -> Tensor:
        """Return ids (rows, length + n) that can be fed."""
        return torch.cat([ids, self.tokens.clamp(min=0)], dim=1)


class Draft(Protocol):
    """A source of proposals."""

    def propose(self, ids: Tensor, limit: int) -> Proposal:
        """Propose up to ``limit`` tokens, perhaps none, to follow ``ids`` (rows, length)."""

    def update(self, proposed: int, accepted: int) -> None:
        """Take note of how many tokens of the last proposal were accepted."""

    def close(self) -> None:
        """Finish; no more tokens are needed."""


def decode_with_draft(
    session: DecodingSession, request: DecodingRequest, draft: Draft
) -> GenerateOutput:
    """Continue every row, by as many tokens of a proposal as all unfinished rows accept."""
    _refuse_memory(request)
    session.require_rollback()
    recorder = Recorder(request.config, session)
    sequences = Sequences(session.prompt, request, recorder)
    process = request.logits_processor.in_place()
    verify = _Sampled(request) if request.config.do_sample else _Greedy(request)

    proposal = Proposal(sequences.ids[:, :0])
    logits = session.start()[:, None]
    while True:
        scores = _processed(process, proposal.appended_to(sequences.ids), logits)
        tokens = verify(scores, proposal, sequences.finished)
        all_finished = False
        for position in range(tokens.shape[1]):
            recorder.record_logits(logits[:, position])
            recorder.record_step(scores[:, position], _Verified(position, proposal.length))
            all_finished = sequences.append(tokens[:, position])
            if all_finished:
                break
        session.crop(sequences.length - 1)
        draft.update(proposal.length, tokens.shape[1] - 1)
        if all_finished:
            break
        proposal = draft.propose(sequences.ids, request.max_length - sequences.length - 1)
        logits = session.feed(proposal.appended_to(sequences.ids), positions=proposal.length + 1)
    draft.close()
    return recorder.output(sequences.ids)


def _refuse_memory(request: DecodingRequest) -> None:
    """Raise for processors with a state: they would see tokens that are then rejected."""
    for processor in request.logits_processor:
        if isinstance(processor, LogitsProcessor) and processor.remembers:
            raise GenerationArgumentError(
                f"{type(processor).__name__} follows a text step by step, and cannot be used with "
                "drafts, of which a part is dropped"
            )


def _processed(process: Callable[..., Tensor] | None, ids: Tensor, logits: Tensor) -> Tensor:
    """Return the scores (rows, n, vocabulary) that follow the last n positions of ``ids``."""
    logits = logits.float()
    if process is None:
        return logits
    first = ids.shape[1] - logits.shape[1] + 1
    steps = [process(ids[:, : first + i], logits[:, i].clone()) for i in range(logits.shape[1])]
    return torch.stack(steps, dim=1)


class _Verified:
    """Select one of the positions that a forward has verified out of a layer's tensor."""

    def __init__(self, position: int, proposed: int) -> None:
        self.later = proposed - position
        self.proposed = proposed

    def __call__(self, layer: Tensor, name: str) -> Tensor:
        if self.proposed == 0:
            return layer
        query = layer.shape[-2] - 1 - self.later
        layer = layer[..., query : query + 1, :]
        return layer[..., : layer.shape[-1] - self.later] if name == "attentions" else layer


class _Greedy:
    """Accept a proposed token if it has the highest score."""

    def __init__(self, request: DecodingRequest) -> None:
        self.weight = request.config.assistant_ensemble_weight

    def __call__(self, scores: Tensor, proposal: Proposal, finished: Tensor | None) -> Tensor:
        """Return the next tokens (rows, accepted + 1)."""
        if self.weight is not None and proposal.probabilities is not None:
            mixed = _ensemble(scores[:, :-1].softmax(-1), proposal.probabilities, self.weight)
            scores = torch.cat([mixed, scores[:, -1:]], dim=1)
        tokens = greedy_tokens(scores.flatten(0, 1)).view(scores.shape[:2])
        return tokens[:, : _accepted_length(tokens[:, :-1] == proposal.tokens, finished) + 1]


class _Sampled:
    """Accept a token with probability p/q; sample another where it is rejected (algorithm 1).

    p are the model's probabilities, q the draft's. Without q, a token is accepted if it is the one
    sampled from p.
    """

    def __init__(self, request: DecodingRequest) -> None:
        self.weight = request.config.assistant_ensemble_weight

    def __call__(self, scores: Tensor, proposal: Proposal, finished: Tensor | None) -> Tensor:
        """Return the next tokens (rows, accepted + 1)."""
        proposed, q = proposal
        if q is None or proposal.length == 0:
            tokens = sampled_tokens(scores.flatten(0, 1)).view(scores.shape[:2])
            return tokens[:, : _accepted_length(tokens[:, :-1] == proposed, finished) + 1]
        p = scores.softmax(dim=-1)
        target = p[:, :-1] if self.weight is None else _ensemble(p[:, :-1], q, self.weight)
        ratio = (target / q).gather(2, proposed[..., None]).squeeze(2)
        accepted = torch.rand_like(ratio) < ratio
        length = _accepted_length(accepted, finished)
        distribution = p[:, length]
        if length < proposal.length:
            rest = (p[:, length] - q[:, length]).clamp_(min=0)
            distribution = torch.where(rest.sum(dim=-1, keepdim=True) > 0, rest, distribution)
        new = torch.multinomial(distribution, num_samples=1)
        if length < proposal.length:
            # A row that accepts the token, which another row rejects, takes it.
            new = torch.where(accepted[:, length, None], proposed[:, length, None], new)
        return torch.cat([proposed[:, :length], new], dim=1)


def _ensemble(p: Tensor, q: Tensor, weight: float) -> Tensor:
    """Return the weighted mean of the model's and the draft's distribution (arXiv:2604.07622)."""
    return weight * p + (1 - weight) * q


def _accepted_length(accepted: Tensor, finished: Tensor | None) -> int:
    """Return how many tokens, from the first on, all unfinished rows accept: (rows, n) bools."""
    if finished is not None:
        accepted = accepted | finished[:, None]
    return int(accepted.all(dim=0).cumprod(dim=0).sum())
