"""Token healing: choose the last token of a prompt again, among all tokens that begin with it.

Where a prompt ends in the middle of what is usually one token ("http:" before "//"), the model has
seldom seen its last token in that place.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.protocol import GenerativeModel, Tokenizer, vocabulary_size
from automodel_core.generation.session.session import DecodingSession

__all__ = ["heal_prompt"]

EXTENSION_BIAS, UNCHANGED_BIAS = 10.0, 11.0
"""Added to the scores of tokens that extend the last one, and of that token itself."""


def heal_prompt(
    model: GenerativeModel, inputs: DecodingInputs, tokenizer: Tokenizer | None
) -> DecodingInputs:
    """Return the inputs with the last token of each row of the prompt chosen again.

    Raise `GenerationArgumentError` without a tokenizer, or for more than a plain prompt.
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
    limit = vocabulary_size(model)
    biases = torch.zeros(ids.shape[0], limit)
    texts = tokenizer.convert_ids_to_tokens(ids[:, -1].tolist())
    for row, (last, token) in enumerate(zip(texts, ids[:, -1].tolist(), strict=True)):
        extending = [i for text, i in vocabulary.items() if text.startswith(last) and i < limit]
        biases[row, extending] = EXTENSION_BIAS
        biases[row, token] = UNCHANGED_BIAS
    unique = (biases > 0).sum(dim=1).to(ids.device) < 2
    before = _without_last_token(inputs, tokenizer.bos_token_id)
    if before is None or bool(unique.all()):
        return inputs
    scores = DecodingSession(model, before, use_cache=False).start().float()
    chosen = (scores + biases.to(scores.device)).argmax(dim=-1)
    unchanged = unique if before.mask is None else unique | (before.mask.sum(dim=1) == 0)
    last = torch.where(unchanged, ids[:, -1], chosen)
    prompt = torch.cat([ids[:, :-1], last[:, None]], dim=1)
    return replace(inputs, prompt=prompt, encoder_input_ids=prompt)


def _without_last_token(inputs: DecodingInputs, bos_token_id: int | None) -> DecodingInputs | None:
    """Return the inputs without the last token; a prompt of one token becomes ``bos_token_id``.

    None if that leaves no token, because there is no ``bos_token_id``.
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
