"""Drafts by an assistant: a smaller model, or the lower layers of the model itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.generation.drafting.speculative import Proposal
from automodel_core.generation.processors.base import LogitsProcessor, LogitsProcessorList
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.request import Assistant, DecodingRequest
from automodel_core.generation.strategies.sampling import drawn, likeliest

__all__ = ["DraftLength", "Reader", "VocabularyDraft", "without_memory"]


class DraftLength:
    """How many tokens an assistant drafts at once, by its schedule.

    ``heuristic`` drafts two more after a draft that was kept whole and one less after any other,
    also in later calls; ``heuristic_transient`` in this call only; ``constant`` never changes.
    """

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.tokens = float(assistant.num_tokens)

    def learn(self, proposed: int, kept: int) -> None:
        if proposed and self.assistant.schedule != "constant":
            self.tokens = self.tokens + 2 if kept == proposed else max(1.0, self.tokens - 1)

    def close(self) -> None:
        if self.assistant.schedule == "heuristic":
            self.assistant.model.generation_config.num_assistant_tokens = int(self.tokens)


class Reader:
    """An assistant's session that reads texts which keep their beginning.

    Called with ids (rows, length), it returns the logits (rows, vocabulary) of what comes next.
    """

    def __init__(
        self, assistant: Assistant, inputs: DecodingInputs, rows_per_item: int = 1
    ) -> None:
        self.session = DecodingSession(assistant.model, inputs, rows_per_item=rows_per_item)
        self._started = False
        self.known = 0
        """How many tokens are read, of a text that may have changed behind them."""

    def __call__(self, ids: Tensor) -> Tensor:
        if not self._started:
            self._started = True
            logits = self.session.start()
            self.known = self.session.prompt.shape[1]
            if ids.shape[1] == self.known:
                return logits
        self.session.crop(min(self.known, ids.shape[1] - 1))
        self.known = ids.shape[1]
        return self.session.step(ids)

    def forget(self, length: int) -> None:
        """Take the tokens from ``length`` on as unread."""
        self.known = min(self.known, length)


class VocabularyDraft:
    """Drafts of an assistant that has the model's own vocabulary."""

    def __init__(self, assistant: Assistant, request: DecodingRequest, rows_per_item: int) -> None:
        self.length = DraftLength(assistant)
        self.reader = Reader(assistant, assistant.inputs, rows_per_item)
        self.device = assistant.model.device
        self.confidence = assistant.confidence
        self.do_sample = bool(request.config.do_sample)
        self.keeps = self.do_sample or request.config.assistant_ensemble_weight is not None
        self.process = without_memory(request.logits_processor).in_place()
        self.ends = request.eos_token_ids
        self.vocabulary = assistant.vocabulary
        self.start = 0

    def propose(self, ids: Tensor, most: int) -> Proposal:
        home, text = ids.device, ids.to(self.device)
        self.start = ids.shape[1]
        probabilities: list[Tensor] = []
        for _ in range(min(int(self.length.tokens), most)):
            scores = self.scores(text)
            new = drawn(scores) if self.do_sample else likeliest(scores)
            text = torch.cat([text, new[:, None]], dim=1)
            likely = scores.softmax(dim=-1) if self.keeps or self.confidence else None
            if self.keeps and likely is not None:
                probabilities.append(likely)
            if self._may_stop(new, likely):
                break
        q = torch.stack(probabilities, dim=1).to(home) if probabilities else None
        return Proposal(text[:, self.start :].to(home), q)

    def scores(self, ids: Tensor) -> Tensor:
        """Return the processed scores (rows, vocabulary) of what follows."""
        scores = self.reader(ids).float()
        scores = F.pad(scores, (0, self.vocabulary - scores.shape[1]), value=float("-inf"))
        return scores if self.process is None else self.process(ids, scores)

    def _may_stop(self, new: Tensor, likely: Tensor | None) -> bool:
        """Return whether the text ends here for all rows, or for one the draft is unsure."""
        ended = torch.zeros_like(new, dtype=torch.bool)
        for end in self.ends:
            ended |= new == end
        stop = ended.all()
        if self.confidence and likely is not None:
            stop |= (likely.gather(1, new[:, None]) < self.confidence).any()
        return bool(stop)

    def learn(self, proposed: int, kept: int) -> None:
        self.length.learn(proposed, kept)
        self.reader.forget(self.start + kept)

    def close(self) -> None:
        self.length.close()


def without_memory(processors: LogitsProcessorList) -> LogitsProcessorList:
    """Return the processors that may see a text again, in another continuation."""
    return LogitsProcessorList(
        p for p in processors if not (isinstance(p, LogitsProcessor) and p.remembers)
    )
