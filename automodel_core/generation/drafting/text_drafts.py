"""Drafts by an assistant that cuts text into other tokens than the model.

Greedy drafts go through text, which any two tokenizers share. Where the draft's probabilities are
needed, the assistant is held to the tokens that both vocabularies have (arXiv:2502.05202).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.drafting.speculative import Proposal
from automodel_core.generation.drafting.vocabulary_drafts import DraftLength, Reader, without_memory
from automodel_core.generation.strategies.request import Assistant, DecodingRequest
from automodel_core.generation.strategies.sampling import drawn, likeliest

__all__ = ["SharedVocabularyDraft", "TextDraft", "shared_tokens"]


def _written(tokenizer: Any, ids: Sequence[int]) -> str:
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text


def _cut(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _added(tokenizer: Any, before: Sequence[int], new: Sequence[int]) -> str:
    """Return the text that ``new`` tokens add behind those ``before``."""
    start, whole = _written(tokenizer, before), _written(tokenizer, [*before, *new])
    return whole[len(start) :] if whole.startswith(start) else _written(tokenizer, new)


def _behind(tokenizer: Any, before: Sequence[int], text: str) -> list[int]:
    """Return the tokens of a text that stands behind the tokens ``before``."""
    whole = _cut(tokenizer, _written(tokenizer, before) + text)
    if whole[: len(before)] == list(before):
        return whole[len(before) :]
    return _cut(tokenizer, text)


class _Text:
    """The text so far in the assistant's tokens, and the assistant that reads it."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.start = self._beginning()
        """The tokens that the assistant's texts begin with."""
        self.ids = self.start
        self.seen = 0
        """How many of the model's tokens ``ids`` stand for."""
        self._fed: list[int] = []
        self._reader: Reader | None = None

    def _beginning(self) -> list[int]:
        assistant, tokenizer = self.assistant, self.assistant.own_tokenizer
        if assistant.model.config.is_encoder_decoder:
            return [int(assistant.inputs.prompt[0, 0])]
        marks = tokenizer.bos_token_id, tokenizer.cls_token_id
        return [token for token in tokenizer("")["input_ids"][:1] if token in marks]

    def scores(self, ids: list[int]) -> Tensor:
        """Return the assistant's logits (1, vocabulary) of what follows its tokens ``ids``."""
        tensor = torch.tensor([ids], device=self.assistant.model.device)
        if self._reader is None:
            inputs = replace(self.assistant.inputs, prompt=tensor)
            self._reader = Reader(self.assistant, inputs)
        same = next(
            (i for i, (a, b) in enumerate(zip(self._fed, ids, strict=False)) if a != b),
            min(len(self._fed), len(ids)),
        )
        self._reader.forget(same)
        self._fed = ids
        return self._reader(tensor).float()


class TextDraft:
    """Drafts that are written as text by one tokenizer and cut again by the other.

    Only the last tokens are cut again: ``target_lookbehind`` of the model's and ``lookbehind`` of
    the assistant's, since where texts meet the cuts may fall otherwise.
    """

    def __init__(self, assistant: Assistant, request: DecodingRequest) -> None:
        self.assistant, self.text = assistant, _Text(assistant)
        self.length = DraftLength(assistant)
        self.ends = request.eos_token_ids

    def propose(self, ids: Tensor, most: int) -> Proposal:
        target = ids[0].tolist()
        self._follow(target)
        drafted, ended = self._drafted(min(int(self.length.tokens), most))
        own, theirs = self.assistant.own_tokenizer, self.assistant.tokenizer
        added = _added(own, self.text.ids[-self.assistant.lookbehind :], drafted)
        tokens = _behind(theirs, target[-self.assistant.target_lookbehind :], added)
        if ended and self.ends:
            tokens.append(self.ends[0])
        return Proposal(ids.new_tensor([tokens[:most]]).view(1, -1))

    def _follow(self, target: list[int]) -> None:
        """Bring the assistant's tokens to the end of the model's."""
        own, theirs, text = self.assistant.own_tokenizer, self.assistant.tokenizer, self.text
        if text.seen == 0:
            text.ids = [*text.start, *_cut(own, _written(theirs, target))]
        else:
            window = max(0, text.seen - self.assistant.target_lookbehind)
            added = _added(theirs, target[window : text.seen], target[text.seen :])
            kept = max(len(text.start), len(text.ids) - self.assistant.lookbehind)
            again = _written(own, text.ids[kept:])
            fresh = _cut(own, again + added)
            text.ids = [*text.ids[:kept], *fresh] if again else [*text.ids, *_cut(own, added)]
        text.seen = len(target)

    def _drafted(self, count: int) -> tuple[list[int], bool]:
        """Return the assistant's next tokens, and whether it ended the text behind them."""
        ends = _own_ends(self.assistant)
        drafted: list[int] = []
        while len(drafted) < count and (self.text.ids or drafted):
            scores = self.text.scores([*self.text.ids, *drafted])
            token = int(likeliest(scores))
            if token in ends:
                return drafted, True
            drafted.append(token)
            confidence = self.assistant.confidence
            if confidence and float(scores.softmax(-1)[0, token]) < confidence:
                break
        return drafted, False

    def learn(self, proposed: int, kept: int) -> None:
        self.length.learn(proposed, kept)

    def close(self) -> None:
        self.length.close()


def _own_ends(assistant: Assistant) -> set[int]:
    end = assistant.own_tokenizer.eos_token_id
    return set() if end is None else {end}


class SharedVocabularyDraft:
    """Drafts of tokens that both vocabularies have, with their probabilities."""

    def __init__(self, assistant: Assistant, request: DecodingRequest) -> None:
        self.assistant, self.text = assistant, _Text(assistant)
        self.length = DraftLength(assistant)
        self.ends = request.eos_token_ids
        self.process = without_memory(request.logits_processor).in_place()
        pairs = shared_tokens(assistant.tokenizer, assistant.own_tokenizer)
        pairs = [(target, own) for target, own in pairs if target < assistant.vocabulary]
        if not pairs:
            raise GenerationArgumentError(
                "the tokenizers of the model and its assistant have no token in common"
            )
        self.own = dict(pairs)
        self.columns = torch.tensor(pairs, device=assistant.model.device).unbind(1)

    def propose(self, ids: Tensor, most: int) -> Proposal:
        target, text = ids[0].tolist(), self.text
        if text.seen == 0:
            written = _written(self.assistant.tokenizer, target)
            text.ids = [*text.start, *_cut(self.assistant.own_tokenizer, written)]
        else:
            text.ids = text.ids + self._translated(target[text.seen :])
        text.seen = len(target)
        tokens, own, probabilities = ids.to(self.assistant.model.device), list(text.ids), []
        for _ in range(min(int(self.length.tokens), most) if own else 0):
            scores = self._scores(own, tokens)
            new = drawn(scores)
            tokens = torch.cat([tokens, new[:, None]], dim=1)
            likely = scores.softmax(dim=-1)
            probabilities.append(likely)
            token = int(new)
            own.append(self.own[token])
            confidence = self.assistant.confidence
            if token in self.ends or (confidence and float(likely[0, token]) < confidence):
                break
        new_tokens = tokens[:, ids.shape[1] :].to(ids.device)
        if not probabilities:
            return Proposal(new_tokens)
        return Proposal(new_tokens, torch.stack(probabilities, dim=1).to(ids.device))

    def _scores(self, own: list[int], tokens: Tensor) -> Tensor:
        """Return the assistant's scores, as scores of the model's tokens (1, vocabulary)."""
        target_columns, own_columns = self.columns
        found = self.text.scores(own)
        scores = found.new_full((1, self.assistant.vocabulary), -math.inf)
        scores[:, target_columns] = found[:, own_columns]
        return scores if self.process is None else self.process(tokens, scores)

    def _translated(self, target: list[int]) -> list[int]:
        tokens: list[int] = []
        for token in target:
            if token in self.own:
                tokens.append(self.own[token])
            else:
                text = _written(self.assistant.tokenizer, [token])
                tokens += _cut(self.assistant.own_tokenizer, text)
        return tokens

    def learn(self, proposed: int, kept: int) -> None:
        self.length.learn(proposed, kept)

    def close(self) -> None:
        self.length.close()


def shared_tokens(target: Any, assistant: Any) -> list[tuple[int, int]]:
    """Return the pairs of ids of the tokens that two tokenizers share.

    Tokenizers differ in the sign that stands for a space; it counts as the same.
    """
    of_target, of_assistant = target.get_vocab(), assistant.get_vocab()
    theirs, ours = _space_sign(target), _space_sign(assistant)
    pairs = []
    for token, own_id in of_assistant.items():
        if ours and theirs and token.startswith(ours):
            token = theirs + token[len(ours) :]
        if token in of_target:
            pairs.append((of_target[token], own_id))
    return sorted(pairs)


def _space_sign(tokenizer: Any) -> str:
    """Return how a tokenizer writes a space in front of a word, if it does."""
    ids = _cut(tokenizer, " ")
    token: str = tokenizer.convert_ids_to_tokens(ids[0]) if ids else ""
    return token[:1]
