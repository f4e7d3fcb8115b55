"""DoLa: contrast the last layer's distribution with that of an earlier one (arXiv:2309.03883).

At each step and for each row the earlier layer is the candidate whose next-token distribution
differs most from the last layer's. Tokens less than a tenth as likely as the likeliest one are
excluded; the others are scored by the difference of the two log-probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.session.early_exit import decoder_depth
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.strategies.request import DecodingRequest
from automodel_core.generation.strategies.sampling import grow

__all__ = ["dola_search"]

RELATIVE_TOP = 0.1
"""How likely a token must be, relative to the likeliest one."""

DEEP = 40
"""In models with more layers, only the first or the last twenty are candidates."""


def dola_search(session: DecodingSession, request: DecodingRequest) -> GenerateOutput:
    """Continue every row by the tokens that gain most in the upper layers, or sample them."""
    session.watch_hidden_states()
    return grow(session, request, _Contrast(session, request.config.dola_layers))


class _Contrast:
    """Turn logits (rows, vocabulary) into scores, by contrast with an earlier layer."""

    def __init__(self, session: DecodingSession, dola_layers: str | list[int] | None) -> None:
        if dola_layers is None:
            raise GenerationArgumentError("DoLa needs dola_layers")
        self.session, self.dola_layers = session, dola_layers
        depth = decoder_depth(session.model)
        self.layers = None if depth is None else self._candidates(depth)

    def _candidates(self, depth: int) -> list[int]:
        tied = self.session.model.config.get_text_config(decoder=True).tie_word_embeddings
        return candidate_layers(self.dola_layers, depth, tied=bool(tied))

    def __call__(self, logits: Tensor) -> Tensor:
        states = self.session.hidden_states
        if self.layers is None:
            self.layers = self._candidates(len(states) - 1)
        early = self._logits_of([states[layer][:, -1] for layer in self.layers])
        early = early.log_softmax(dim=-1)
        last = logits.float().log_softmax(dim=-1)
        if len(self.layers) > 1:
            furthest = _divergence(early, last).argmax(dim=0)
            early = early.gather(0, furthest[None, :, None].expand(1, *logits.shape))
        unlikely = last < last.amax(dim=-1, keepdim=True) + math.log(RELATIVE_TOP)
        return (last - early[0]).masked_fill_(unlikely, -math.inf)

    def _logits_of(self, states: list[Tensor]) -> Tensor:
        """Return the logits (layers, rows, vocabulary) that the output layer gives to states."""
        logits: Tensor = self.session.model.score_states(torch.stack(states), None)
        return logits.float()


def _divergence(early: Tensor, last: Tensor) -> Tensor:
    """Return how far log-probabilities (layers, rows, vocabulary) are from (rows, vocabulary).

    It is the divergence of their average from each of the two, as in the paper's own code.
    """
    average = (early.exp() + last.exp()) / 2
    from_early = F.kl_div(early, average, reduction="none")
    from_last = F.kl_div(last.expand_as(early), average, reduction="none")
    return (from_early + from_last).mean(dim=-1)


def candidate_layers(wanted: str | Sequence[int], depth: int, *, tied: bool) -> list[int]:
    """Return the layers to contrast with, as indices of hidden states: 0 is the embeddings.

    With tied weights the embeddings predict nothing but the token itself, so the first candidate is
    then the output of the second layer. Raise `GenerationArgumentError` if none is left.
    """
    first = min(2, depth - 1) if tied else 0
    if wanted == "low":
        return list(range(first, depth // 2 if depth <= DEEP else DEEP // 2, 2)) or [first]
    if wanted == "high":
        return list(range(depth // 2 if depth <= DEEP else depth - DEEP // 2, depth, 2))
    is_list = isinstance(wanted, (list, tuple)) and all(isinstance(i, int) for i in wanted)
    layers = [int(i) for i in wanted if 0 <= int(i) < depth] if is_list else []
    if not layers:
        raise GenerationArgumentError(
            "dola_layers must be 'low', 'high' or a list of layers below the last of "
            f"{depth}, not {shown(wanted)}"
        )
    return layers
