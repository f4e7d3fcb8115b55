"""From the scores of tokens to entities: of tokens, of words, and of words that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from torch import Tensor

__all__ = ["STRATEGIES", "ScoredToken", "grouped", "without_overlaps"]

STRATEGIES = ("none", "simple", "first", "average", "max")
"""``first``, ``average`` and ``max`` give all tokens of a word one label, by their scores."""


@dataclass(frozen=True)
class ScoredToken:
    """A token, its probability for each label, and the characters that it stands for."""

    word: str
    scores: Tensor
    start: int | None
    end: int | None
    index: int
    continues: bool
    """Whether it goes on with the word of the token before."""


Join = Callable[[list[str]], str]
Entity = dict[str, Any]


def grouped(
    tokens: Sequence[ScoredToken], strategy: str, label_of: Callable[[int], str], join: Join
) -> list[Entity]:
    """Return entities of tokens by one of `STRATEGIES`; ``join`` makes a text of tokens."""
    if strategy in ("none", "simple"):
        entities = [_of_token(token, label_of) for token in tokens]
    else:
        entities = [_of_word(word, strategy, label_of, join) for word in _words(tokens)]
    return entities if strategy == "none" else _groups(entities, join)


def _of_token(token: ScoredToken, label_of: Callable[[int], str]) -> Entity:
    likeliest = int(token.scores.argmax())
    return {
        "entity": label_of(likeliest),
        "score": float(token.scores[likeliest]),
        "index": token.index,
        "word": token.word,
        "start": token.start,
        "end": token.end,
    }


def _words(tokens: Sequence[ScoredToken]) -> list[list[ScoredToken]]:
    words: list[list[ScoredToken]] = []
    for token in tokens:
        if words and token.continues:
            words[-1].append(token)
        else:
            words.append([token])
    return words


def _of_word(
    tokens: list[ScoredToken], strategy: str, label_of: Callable[[int], str], join: Join
) -> Entity:
    if strategy == "first":
        scores = tokens[0].scores
    elif strategy == "max":
        scores = max(tokens, key=lambda token: float(token.scores.max())).scores
    else:
        scores = sum((token.scores for token in tokens[1:]), tokens[0].scores) / len(tokens)
    likeliest = int(scores.argmax())
    return {
        "entity": label_of(likeliest),
        "score": float(scores[likeliest]),
        "word": join([token.word for token in tokens]),
        "start": tokens[0].start,
        "end": tokens[-1].end,
    }


def _groups(entities: list[Entity], join: Join) -> list[Entity]:
    """Join neighbours of one kind; ``B-`` before a kind says that another entity begins."""
    number = 0
    numbers = []
    former = ""
    for entity in entities:
        begins, kind = _parted(entity["entity"])
        if begins or kind != former:
            number += 1
        numbers.append(number)
        former = kind
    parts = groupby(zip(numbers, entities, strict=True), key=lambda pair: pair[0])
    return [_joined([entity for _, entity in part], join) for _, part in parts]


def _parted(label: str) -> tuple[bool, str]:
    if label.startswith(("B-", "I-")):
        return label[0] == "B", label[2:]
    return False, label


def _joined(entities: list[Entity], join: Join) -> Entity:
    return {
        "entity_group": entities[0]["entity"].split("-", 1)[-1],
        "score": sum(entity["score"] for entity in entities) / len(entities),
        "word": join([entity["word"] for entity in entities]),
        "start": entities[0]["start"],
        "end": entities[-1]["end"],
    }


def without_overlaps(entities: list[Entity]) -> list[Entity]:
    """Return entities of several windows: of those that overlap the longest, then the likeliest."""
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda entity: int(entity["start"])):
        if not kept or not kept[-1]["start"] <= entity["start"] < kept[-1]["end"]:
            kept.append(entity)
        elif _weight(entity) > _weight(kept[-1]):
            kept[-1] = entity
    return kept


def _weight(entity: Entity) -> tuple[int, float]:
    return entity["end"] - entity["start"], entity["score"]
