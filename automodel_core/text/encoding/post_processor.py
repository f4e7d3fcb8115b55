"""The special tokens of a sequence, as the tokenizer's post-processor adds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers.processors import PostProcessor, TemplateProcessing

from automodel_core.errors import CheckpointFormatError, shown

__all__ = ["Template", "bos_eos_processor", "check_template", "typed_pairs_processor"]

SEQUENCES = {"A": 0, "B": 1}


@dataclass(frozen=True)
class Template:
    """The parts of a single text and of a pair, each with its type id.

    A part is a list of special tokens' ids, or 0 or 1 for the first or second text.
    """

    single: tuple[tuple[list[int] | int, int], ...] = ((0, 0),)
    pair: tuple[tuple[list[int] | int, int], ...] = ((0, 0), (1, 0))

    @classmethod
    def of(cls, processor: PostProcessor | None) -> Template:
        """Read the last processor that adds tokens; without one, texts are only concatenated."""
        state = None if processor is None else json.loads(processor.__getstate__())
        states = [state] if state is not None else []
        while any(item["type"] == "Sequence" for item in states):
            states = [
                part
                for item in states
                for part in (item["processors"] if item["type"] == "Sequence" else [item])
            ]
        for item in reversed(states):
            if item["type"] == "TemplateProcessing":
                return cls(_parts(item["single"], item), _parts(item["pair"], item))
            if item["type"] in ("BertProcessing", "RobertaProcessing"):
                cls_id, sep_id = [item["cls"][1]], [item["sep"][1]]
                single = ((cls_id, 0), (0, 0), (sep_id, 0))
                if item["type"] == "BertProcessing":
                    return cls(single, (*single, (1, 1), (sep_id, 1)))
                return cls(single, (*single, (sep_id, 0), (1, 0), (sep_id, 0)))
        return cls()

    def _filled(
        self, first: Sequence[int], second: Sequence[int] | None
    ) -> list[tuple[list[int], int, bool]]:
        texts = (list(first), list(second or ()))
        return [
            (texts[part], type_id, False) if isinstance(part, int) else (part, type_id, True)
            for part, type_id in (self.single if second is None else self.pair)
        ]

    def ids(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        return [token for ids, _, _ in self._filled(first, second) for token in ids]

    def type_ids(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        return [type_id for ids, type_id, _ in self._filled(first, second) for _ in ids]

    def special_mask(self, first: Sequence[int], second: Sequence[int] | None) -> list[int]:
        return [int(special) for ids, _, special in self._filled(first, second) for _ in ids]


def check_template(processor: PostProcessor | None, where: str) -> None:
    """Raise `CheckpointFormatError` for a template with a token that it does not describe."""
    waiting = [] if processor is None else [json.loads(processor.__getstate__())]
    while waiting:
        state = waiting.pop()
        waiting.extend(state.get("processors", ()))
        for kind in ("single", "pair") if state["type"] == "TemplateProcessing" else ():
            for piece in state[kind]:
                name = piece.get("SpecialToken", {}).get("id")
                if name is not None and name not in state["special_tokens"]:
                    raise CheckpointFormatError(
                        f"{shown(where)}: the template for {kind} texts has the token "
                        f"{shown(name)}, and special_tokens beside it only "
                        f"{shown(sorted(state['special_tokens']))}"
                    )


def _parts(
    pieces: list[dict[str, Any]], state: dict[str, Any]
) -> tuple[tuple[list[int] | int, int], ...]:
    parts: list[tuple[list[int] | int, int]] = []
    for piece in pieces:
        ((kind, value),) = piece.items()
        if kind == "Sequence":
            parts.append((SEQUENCES[value["id"]], value["type_id"]))
        else:
            parts.append((list(state["special_tokens"][value["id"]]["ids"]), value["type_id"]))
    return tuple(parts)


def bos_eos_processor(bos: tuple[str, int] | None, eos: tuple[str, int] | None) -> PostProcessor:
    """Return a post-processor that adds ``bos`` and ``eos`` to each text (type ids 0, 1)."""

    def around(text: str, type_id: int) -> list[str]:
        return [
            f"{name}:{type_id}"
            for name in (bos and bos[0], f"${text}", eos and eos[0])
            if name is not None
        ]

    return TemplateProcessing(
        single=around("A", 0),
        pair=around("A", 0) + around("B", 1),
        special_tokens=[token for token in (bos, eos) if token is not None],
    )


def typed_pairs_processor(first: tuple[str, int] | None, sep: tuple[str, int]) -> PostProcessor:
    """Return a post-processor of ``first A sep`` and ``first A sep B sep``, B with type id 1."""
    begin = [] if first is None else [first[0]]
    single = [*begin, "$A", sep[0]]
    return TemplateProcessing(
        single=single,
        pair=[*single, "$B:1", f"{sep[0]}:1"],
        special_tokens=[token for token in (first, sep) if token is not None],
    )
