"""Drafts by an assistant that has the model's vocabulary, perhaps its own lower layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.generation.drafting.speculative import Proposal
from automodel_core.generation.processors.base import LogitsProcessor, LogitsProcessorList
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.request import Assistant, DecodingRequest
from automodel_core.generation.strategies.sampling import greedy_tokens, sampled_tokens

__all__ = ["AssistantSession", "DraftLength", "VocabularyDraft", "stateless"]


class DraftLength:
    """How many tokens an assistant drafts at once, by its schedule.

    ``heuristic`` drafts two more after a draft that was accepted whole and one less after any
    other, also in later calls; ``heuristic_transient`` does in this call only; ``constant`` never
    changes.
    """

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.tokens = float(assistant.num_tokens)

    def update(self, proposed: int, accepted: int) -> None:
        if proposed and self.assistant.schedule != "constant":
            self.tokens = self.tokens + 2 if accepted == proposed else max(1.0, self.tokens - 1)

    def close(self) -> None:
        if self.assistant.schedule == "heuristic":
            self.assistant.model.generation_config.num_assistant_tokens = int(self.tokens)


class AssistantSession:
    """A decoding session that is fed whole texts and reads only what differs from the last one.

    Called with ids (rows, length), it returns the logits (rows, vocabulary) of the next token.
    """

    def __init__(
        self, assistant: Assistant, inputs: DecodingInputs, rows_per_item: int = 1
    ) -> None:
        self.session = DecodingSession(assistant.model, inputs, rows_per_item=rows_per_item)
        self._started = False
        self.valid_length = 0
        """How many of the tokens fed so far are still part of the text."""

    def __call__(self, ids: Tensor) -> Tensor:
        if not self._started:
            self._started = True
            logits = self.session.start()
            self.valid_length = self.session.prompt.shape[1]
            if ids.shape[1] == self.valid_length:
                return logits
        self.session.crop(min(self.valid_length, ids.shape[1] - 1))
        self.valid_length = ids.shape[1]
        return self.session.step(ids)

    def invalidate(self, length: int) -> None:
        """Feed the tokens from ``length`` on again: they have changed."""
        self.valid_length = min(self.valid_length, length)


class VocabularyDraft:
    """Drafts token by token, with the probabilities that sampling and ensembles need."""

    def __init__(self, assistant: Assistant, request: DecodingRequest, rows_per_item: int) -> None:
        self.length = DraftLength(assistant)
        self.session = AssistantSession(assistant, assistant.inputs, rows_per_item)
        self.device = assistant.model.device
        self.confidence = assistant.confidence
        self.do_sample = bool(request.config.do_sample)
        ensemble = request.config.assistant_ensemble_weight is not None
        self.needs_probabilities = self.do_sample or ensemble
        self.process = stateless(request.logits_processor).in_place()
        self.ends = request.eos_token_ids
        self.vocabulary = assistant.vocabulary
        self.start = 0

    def propose(self, ids: Tensor, limit: int) -> Proposal:
        text = ids.to(self.device)
        self.start = ids.shape[1]
        steps: list[Tensor] = []
        for _ in range(min(int(self.length.tokens), limit)):
            scores = self.scores(text)
            new = sampled_tokens(scores) if self.do_sample else greedy_tokens(scores)
            text = torch.cat([text, new[:, None]], dim=1)
            needs_probabilities = self.needs_probabilities or bool(self.confidence)
            probabilities = scores.softmax(dim=-1) if needs_probabilities else None
            if self.needs_probabilities and probabilities is not None:
                steps.append(probabilities)
            if self._may_stop(new, probabilities):
                break
        q = torch.stack(steps, dim=1).to(ids.device) if steps else None
        return Proposal(text[:, self.start :].to(ids.device), q)

    def scores(self, ids: Tensor) -> Tensor:
        """Return the processed scores (rows, vocabulary) of the next token."""
        scores = self.session(ids).float()
        scores = F.pad(scores, (0, self.vocabulary - scores.shape[1]), value=float("-inf"))
        return scores if self.process is None else self.process(ids, scores)

    def _may_stop(self, new: Tensor, probabilities: Tensor | None) -> bool:
        """Return whether all rows ended, or a token of one is below the confidence threshold."""
        ended = torch.zeros_like(new, dtype=torch.bool)
        for end in self.ends:
            ended |= new == end
        stop = ended.all()
        if self.confidence and probabilities is not None:
            stop |= (probabilities.gather(1, new[:, None]) < self.confidence).any()
        return bool(stop)

    def update(self, proposed: int, accepted: int) -> None:
        self.length.update(proposed, accepted)
        self.session.invalidate(self.start + accepted)

    def close(self) -> None:
        self.length.close()


def stateless(processors: LogitsProcessorList) -> LogitsProcessorList:
    """Return the processors that may see a text again, with another continuation."""
    return LogitsProcessorList(
        p for p in processors if not (isinstance(p, LogitsProcessor) and p.remembers)
    )
