"""Prompt lookup: the draft is what followed the newest tokens when they last stood in the text.

See https://github.com/apoorvumang/prompt-lookup-decoding. It pays where the answer repeats its
input: summaries, corrections, code.
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
    """Continue every row, with drafts from its own text and from the encoder's."""
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
    """Propose what follows the longest n-gram that ends a row, where it stood first.

    ``source`` (rows, length) is searched behind the row itself, if it is there.
    """

    def __init__(
        self, tokens: int, largest: int, ends: tuple[int, ...], source: Tensor | None = None
    ) -> None:
        self.tokens, self.largest, self.ends = tokens, largest, frozenset(ends)
        self.source = None if source is None else source.tolist()

    def propose(self, ids: Tensor, most: int) -> Proposal:
        count = min(self.tokens, most)
        found = [self._continuation(row, text, count) for row, text in enumerate(ids.tolist())]
        longest = max(len(tokens) for tokens in found)
        rows = [[*tokens, *[-1] * (longest - len(tokens))] for tokens in found]
        return Proposal(torch.tensor(rows, dtype=torch.long, device=ids.device).view(len(rows), -1))

    def _continuation(self, row: int, text: list[int], count: int) -> list[int]:
        texts = [text] if self.source is None else [text, self.source[row]]
        for size in range(min(self.largest, len(text) - 1), 0, -1):
            for place in texts:
                found = _following(place, text[-size:], count)
                if found:
                    ending = next((i for i, t in enumerate(found) if t in self.ends), len(found))
                    return found[:ending]
        return []

    def learn(self, proposed: int, kept: int) -> None:
        """Nothing to learn: the text is all there is."""

    def close(self) -> None:
        """Nothing to close."""


def _following(text: list[int], ngram: list[int], count: int) -> list[int]:
    """Return up to ``count`` tokens behind the first place of an n-gram that has any."""
    size = len(ngram)
    for start in range(len(text) - size):
        if text[start : start + size] == ngram:
            return text[start + size : start + size + count]
    return []
