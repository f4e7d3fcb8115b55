"""Drafts by an assistant whose tokenizer is not the model's.

Greedy drafts are decoded to text and encoded again. Sampling needs the draft's probabilities, so
the assistant is then restricted to the tokens that both vocabularies have (arXiv:2502.05202).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.drafting.speculative import Proposal
from automodel_core.generation.drafting.vocabulary_drafts import (
    AssistantSession,
    DraftLength,
    stateless,
)
from automodel_core.generation.session.protocol import Tokenizer
from automodel_core.generation.strategies.request import Assistant, DecodingRequest
from automodel_core.generation.strategies.sampling import greedy_tokens, sampled_tokens

__all__ = ["SharedVocabularyDraft", "TextDraft", "shared_tokens"]


def _decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    return tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _decode_after(tokenizer: Tokenizer, before: Sequence[int], new: Sequence[int]) -> str:
    """Return the text of ``new`` tokens that follow those ``before``."""
    start, whole = _decode(tokenizer, before), _decode(tokenizer, [*before, *new])
    return whole[len(start) :] if whole.startswith(start) else _decode(tokenizer, new)


def _encode_after(tokenizer: Tokenizer, before: Sequence[int], text: str) -> list[int]:
    """Return the tokens of a text that follows the tokens ``before``."""
    whole = _encode(tokenizer, _decode(tokenizer, before) + text)
    if whole[: len(before)] == list(before):
        return whole[len(before) :]
    return _encode(tokenizer, text)


class _AssistantText:
    """The text so far in the assistant's tokens, and the session that reads it."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.start = self._first_tokens()
        """The special tokens that the assistant's texts begin with."""
        self.ids = self.start
        self.seen = 0
        """How many of the model's tokens are encoded in ``ids``."""
        self._fed: list[int] = []
        self._session: AssistantSession | None = None

    def _first_tokens(self) -> list[int]:
        assistant, tokenizer = self.assistant, self.assistant.own_tokenizer
        if assistant.model.config.is_encoder_decoder:
            return [int(assistant.inputs.prompt[0, 0])]
        special = tokenizer.bos_token_id, tokenizer.cls_token_id
        return [token for token in tokenizer("")["input_ids"][:1] if token in special]

    def scores(self, ids: list[int]) -> Tensor:
        """Return the assistant's logits (1, vocabulary) for the token after its tokens ``ids``."""
        tensor = torch.tensor([ids], device=self.assistant.model.device)
        if self._session is None:
            inputs = replace(self.assistant.inputs, prompt=tensor)
            self._session = AssistantSession(self.assistant, inputs)
        unchanged = next(
            (i for i, (a, b) in enumerate(zip(self._fed, ids, strict=False)) if a != b),
            min(len(self._fed), len(ids)),
        )
        self._session.invalidate(unchanged)
        self._fed = ids
        return self._session(tensor).float()


class TextDraft:
    """Drafts that one tokenizer decodes and the other encodes again.

    The last tokens before the new text are encoded with it, since tokens may span the boundary:
    ``target_lookbehind`` of the model's and ``lookbehind`` of the assistant's.
    """

    def __init__(self, assistant: Assistant, request: DecodingRequest) -> None:
        self.assistant, self.text = assistant, _AssistantText(assistant)
        self.length = DraftLength(assistant)
        self.ends = request.eos_token_ids

    def propose(self, ids: Tensor, limit: int) -> Proposal:
        target = ids[0].tolist()
        self._catch_up(target)
        drafted, ended = self._drafted(min(int(self.length.tokens), limit))
        own, theirs = self.assistant.own_tokenizer, self.assistant.tokenizer
        added = _decode_after(own, self.text.ids[-self.assistant.lookbehind :], drafted)
        tokens = _encode_after(theirs, target[-self.assistant.target_lookbehind :], added)
        if ended and self.ends:
            tokens.append(self.ends[0])
        return Proposal(ids.new_tensor([tokens[:limit]]).view(1, -1))

    def _catch_up(self, target: list[int]) -> None:
        """Encode in the assistant's tokens what the model's tokens ``target`` have added."""
        own, theirs, text = self.assistant.own_tokenizer, self.assistant.tokenizer, self.text
        if text.seen == 0:
            text.ids = [*text.start, *_encode(own, _decode(theirs, target))]
        else:
            window = max(0, text.seen - self.assistant.target_lookbehind)
            added = _decode_after(theirs, target[window : text.seen], target[text.seen :])
            kept = max(len(text.start), len(text.ids) - self.assistant.lookbehind)
            last = _decode(own, text.ids[kept:])
            encoded = _encode(own, last + added)
            text.ids = [*text.ids[:kept], *encoded] if last else [*text.ids, *_encode(own, added)]
        text.seen = len(target)

    def _drafted(self, count: int) -> tuple[list[int], bool]:
        """Return the assistant's next tokens, and whether it then ended the text."""
        end = self.assistant.own_tokenizer.eos_token_id
        drafted: list[int] = []
        while len(drafted) < count and (self.text.ids or drafted):
            scores = self.text.scores([*self.text.ids, *drafted])
            token = int(greedy_tokens(scores))
            if token == end:
                return drafted, True
            drafted.append(token)
            confidence = self.assistant.confidence
            if confidence and float(scores.softmax(-1)[0, token]) < confidence:
                break
        return drafted, False

    def update(self, proposed: int, accepted: int) -> None:
        self.length.update(proposed, accepted)

    def close(self) -> None:
        self.length.close()


class SharedVocabularyDraft:
    """Drafts of tokens that both vocabularies have, with their probabilities."""

    def __init__(self, assistant: Assistant, request: DecodingRequest) -> None:
        self.assistant, self.text = assistant, _AssistantText(assistant)
        self.length = DraftLength(assistant)
        self.ends = request.eos_token_ids
        self.process = stateless(request.logits_processor).in_place()
        pairs = shared_tokens(assistant.tokenizer, assistant.own_tokenizer)
        pairs = [(target, own) for target, own in pairs if target < assistant.vocabulary]
        if not pairs:
            raise GenerationArgumentError(
                "the tokenizers of the model and its assistant have no token in common"
            )
        self.own = dict(pairs)
        self.columns = torch.tensor(pairs, device=assistant.model.device).unbind(1)

    def propose(self, ids: Tensor, limit: int) -> Proposal:
        target, text = ids[0].tolist(), self.text
        if text.seen == 0:
            decoded = _decode(self.assistant.tokenizer, target)
            text.ids = [*text.start, *_encode(self.assistant.own_tokenizer, decoded)]
        else:
            text.ids = text.ids + self._translated(target[text.seen :])
        text.seen = len(target)
        tokens, own, probabilities = ids.to(self.assistant.model.device), list(text.ids), []
        for _ in range(min(int(self.length.tokens), limit) if own else 0):
            scores = self._scores(own, tokens)
            new = sampled_tokens(scores)
            tokens = torch.cat([tokens, new[:, None]], dim=1)
            probabilities.append(scores.softmax(dim=-1))
            token = int(new)
            own.append(self.own[token])
            confidence = self.assistant.confidence
            is_unsure = confidence > 0 and float(probabilities[-1][0, token]) < confidence
            if token in self.ends or is_unsure:
                break
        new_tokens = tokens[:, ids.shape[1] :].to(ids.device)
        if not probabilities:
            return Proposal(new_tokens)
        return Proposal(new_tokens, torch.stack(probabilities, dim=1).to(ids.device))

    def _scores(self, own: list[int], tokens: Tensor) -> Tensor:
        """Return the assistant's scores of the model's tokens (1, vocabulary)."""
        target_columns, own_columns = self.columns
        own_scores = self.text.scores(own)
        scores = own_scores.new_full((1, self.assistant.vocabulary), -math.inf)
        scores[:, target_columns] = own_scores[:, own_columns]
        return scores if self.process is None else self.process(tokens, scores)

    def _translated(self, target: list[int]) -> list[int]:
        tokens: list[int] = []
        for token in target:
            if token in self.own:
                tokens.append(self.own[token])
            else:
                text = _decode(self.assistant.tokenizer, [token])
                tokens += _encode(self.assistant.own_tokenizer, text)
        return tokens

    def update(self, proposed: int, accepted: int) -> None:
        self.length.update(proposed, accepted)

    def close(self) -> None:
        self.length.close()


def shared_tokens(target: Tokenizer, assistant: Tokenizer) -> list[tuple[int, int]]:
    """Return the pairs of ids, (target, assistant), of the tokens that two tokenizers share.

    Their symbols for a space before a word may differ; they count as the same.
    """
    target_ids = target.get_vocab()
    target_space, own_space = _space_symbol(target), _space_symbol(assistant)
    pairs = []
    for token, own_id in assistant.get_vocab().items():
        if own_space and target_space and token.startswith(own_space):
            token = target_space + token[len(own_space) :]
        if token in target_ids:
            pairs.append((target_ids[token], own_id))
    return sorted(pairs)


def _space_symbol(tokenizer: Tokenizer) -> str:
    """Return the symbol of a tokenizer for a space before a word, if it has any."""
    ids = _encode(tokenizer, " ")
    token: str = tokenizer.convert_ids_to_tokens(ids[0]) if ids else ""
    return token[:1]
