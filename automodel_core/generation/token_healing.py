"""Token healing: write the end of a prompt again, as the model would have cut it.

Where a prompt ends in the middle of what is usually one token ("http:" before "//"), the model has
seldom seen its last token there. That token is taken back and chosen anew among all tokens that
begin with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.session.session import DecodingSession

__all__ = ["healed"]

EXTENDS, STAYS = 10.0, 11.0
"""What is added to the scores of tokens that extend the last one, and to its own."""


def healed(model: GenerativeModel, inputs: DecodingInputs, tokenizer: Any) -> Tensor:
    """Return the prompt (batch, length) with the last token of each row healed.

    Raise `GenerationArgumentError` without a tokenizer, or if there is more than a plain prompt.
    """
    if tokenizer is None:
        raise GenerationArgumentError(
            "token_healing needs the tokenizer: generate(..., tokenizer=tokenizer)"
        )
    if model.config.is_encoder_decoder or inputs.first or inputs.past_key_values is not None:
        raise GenerationArgumentError(
            "token_healing works for the input_ids of a decoder-only model without past_key_values"
        )
    ids = inputs.prompt
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    limit = model.config.get_text_config(decoder=True).vocab_size
    biases = torch.zeros(ids.shape[0], limit)
    tails = tokenizer.convert_ids_to_tokens(ids[:, -1].tolist())
    for row, (tail, token) in enumerate(zip(tails, ids[:, -1].tolist(), strict=True)):
        extending = [i for text, i in vocabulary.items() if text.startswith(tail) and i < limit]
        biases[row, extending] = EXTENDS
        biases[row, token] = STAYS
    alone = (biases > 0).sum(dim=1).to(ids.device) < 2
    before = _before_the_tail(inputs, tokenizer.bos_token_id)
    if before is None or bool(alone.all()):
        return ids
    scores = DecodingSession(model, before, use_cache=False).start().float()
    chosen = (scores + biases.to(scores.device)).argmax(dim=-1)
    stays = alone if before.mask is None else alone | (before.mask.sum(dim=1) == 0)
    tail = torch.where(stays, ids[:, -1], chosen)
    return torch.cat([ids[:, :-1], tail[:, None]], dim=1)


def _before_the_tail(inputs: DecodingInputs, bos_token_id: int | None) -> DecodingInputs | None:
    """Return the inputs without the last token; a prompt of one token leaves the one that begins.

    None if there is no token to begin with.
    """
    ids, mask = inputs.prompt[:, :-1], inputs.mask
    mask = None if mask is None else mask[:, :-1].clone()
    if ids.shape[1] == 0:
        if bos_token_id is None:
            return None
        return replace(inputs, prompt=torch.full_like(inputs.prompt, bos_token_id), mask=None)
    if mask is not None and bos_token_id is not None:
        empty = mask.sum(dim=1) == 0
        ids = ids.clone()
        ids[empty, -1], mask[empty, -1] = bos_token_id, 1
    return replace(inputs, prompt=ids, mask=mask, position_ids=None, token_type_ids=None)
