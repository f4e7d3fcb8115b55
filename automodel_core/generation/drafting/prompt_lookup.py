"""Prompt lookup: the draft is what followed the last tokens where they occurred before.

See https://github.com/apoorvumang/prompt-lookup-decoding. It pays where the output repeats
its input: summaries, corrections, code.
"""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.drafting.speculative import Proposal, decode_with_draft
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.request import DecodingRequest

__all__ = ["LookupDraft", "prompt_lookup"]

LARGEST_NGRAM = 2


def prompt_lookup(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row, with drafts from its own text and from the encoder's input."""
    config = request.config
    if config.prompt_lookup_num_tokens is None:
        raise GenerationArgumentError("prompt lookup needs prompt_lookup_num_tokens")
    draft = LookupDraft(
        config.prompt_lookup_num_tokens,
        config.max_matching_ngram_size or LARGEST_NGRAM,
        request.eos_token_ids,
        session.source_ids,
    )
    return decode_with_draft(session, request, draft)


class LookupDraft:
    """Propose what followed the first occurrence of the longest n-gram that ends a row.

    ``source`` (rows, length), if given, is searched after the row itself.
    """

    def __init__(
        self,
        num_tokens: int,
        largest_ngram: int,
        eos_token_ids: tuple[int, ...],
        source: Tensor | None = None,
    ) -> None:
        self.num_tokens, self.largest_ngram = num_tokens, largest_ngram
        self.ends = frozenset(eos_token_ids)
        self.source = None if source is None else source.tolist()

    def propose(self, ids: Tensor, limit: int) -> Proposal:
        count = min(self.num_tokens, limit)
        found = [self._continuation(row, text, count) for row, text in enumerate(ids.tolist())]
        longest = max(len(tokens) for tokens in found)
        rows = [[*tokens, *[-1] * (longest - len(tokens))] for tokens in found]
        return Proposal(torch.tensor(rows, dtype=torch.long, device=ids.device).view(len(rows), -1))

    def _continuation(self, row: int, text: list[int], count: int) -> list[int]:
        searched = [text] if self.source is None else [text, self.source[row]]
        for size in range(min(self.largest_ngram, len(text) - 1), 0, -1):
            for tokens in searched:
                found = _following(tokens, text[-size:], count)
                if found:
                    end = next((i for i, t in enumerate(found) if t in self.ends), len(found))
                    return found[:end]
        return []

    def update(self, proposed: int, accepted: int) -> None:
        """Change nothing: a draft depends on the text alone."""

    def close(self) -> None:
        """Change nothing."""


def _following(text: list[int], ngram: list[int], count: int) -> list[int]:
    """Return up to ``count`` tokens after the first occurrence of an n-gram that has any."""
    size = len(ngram)
    for start in range(len(text) - size):
        if text[start : start + size] == ngram:
            return text[start + size : start + size + count]
    return []
