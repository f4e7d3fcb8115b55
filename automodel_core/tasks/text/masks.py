"""``fill-mask``: the tokens that may stand where a text has a mask."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["FillMaskPipeline"]

logger = logging.getLogger(__name__)


class FillMaskPipeline(Pipeline):
    """Returns the likeliest tokens with score, token and the whole text: ``top_k``, by default 5.

    ``targets`` are the only tokens that are considered. For several masks the result is a list for
    each, with the other masks left standing.
    """

    needs = ("tokenizer",)
    tokens = 512

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Fill one text, a list of them, or those of a generator or dataset."""
        result = super().__call__(*args, **kwargs)
        alone = bool(args) and isinstance(args[0], list) and len(args[0]) == 1
        return result[0] if alone else result

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Turn target words into token ids."""
        if self.tokenizer.mask_token_id is None:
            raise InputError("the tokenizer has no mask_token, and fill-mask needs one")
        targets = options.pop("targets", None)
        if targets is not None:
            options["target_ids"] = self.get_target_ids(targets)
        return options

    def get_target_ids(self, targets: str | Sequence[str]) -> Tensor:
        """Return the ids of target words: of one that is no token, the first of its tokens."""
        vocabulary = self.tokenizer.get_vocab()
        found: list[int] = []
        for target in [targets] if isinstance(targets, str) else targets:
            known = vocabulary.get(target)
            if known is None:
                pieces = self.tokenizer(target, add_special_tokens=False)["input_ids"]
                if not pieces:
                    logger.warning("The target %s is no token, and is left out.", shown(target))
                    continue
                known = pieces[0]
                stand_in = self.tokenizer.convert_ids_to_tokens(known)
                logger.warning("The target %s is no token; %s is.", shown(target), shown(stand_in))
            found.append(known)
        if not found:
            raise InputError("targets= has no word that the tokenizer knows: give one at least")
        return torch.tensor(list(dict.fromkeys(found)))

    def preprocess(self, item: Any, *, tokenizer_kwargs: Mapping[str, Any] | None = None) -> Chunk:
        if not isinstance(item, str):
            raise InputError(f"a text is a string, got {type(item).__name__}")
        chunk = Chunk.of(self.tokenizer(item, **(tokenizer_kwargs or {})))
        if self.tokenizer.mask_token_id not in chunk.inputs["input_ids"]:
            raise InputError(
                f"there is no mask, {self.tokenizer.mask_token}, in {shown(item)}: fill-mask fills "
                "those that there are"
            )
        return chunk

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        logits = self.output(self.model(**inputs), "logits")
        masked = inputs["input_ids"] == self.tokenizer.mask_token_id
        return {"logits": [row[places] for row, places in zip(logits, masked, strict=True)]}

    def postprocess(
        self, chunks: Sequence[Chunk], *, top_k: int | None = None, target_ids: Tensor | None = None
    ) -> Any:
        (chunk,) = chunks
        ids = chunk.inputs["input_ids"]
        places = ids.eq(self.tokenizer.mask_token_id).nonzero()[:, 0]
        probabilities = chunk.outputs["logits"].softmax(dim=-1)
        if target_ids is not None:
            probabilities = probabilities[:, target_ids]
        values, tokens = probabilities.topk(min(top_k or 5, probabilities.shape[-1]))
        if target_ids is not None:
            tokens = target_ids[tokens]
        rows = [
            [
                self._proposed(ids, place, token, score, alone=len(places) == 1)
                for token, score in zip(row_tokens, row_values, strict=True)
            ]
            for place, row_tokens, row_values in zip(
                places, tokens.tolist(), values.tolist(), strict=True
            )
        ]
        return rows[0] if len(rows) == 1 else rows

    def _proposed(
        self, ids: Tensor, place: Tensor, token: int, score: float, *, alone: bool
    ) -> dict[str, Any]:
        filled = ids.clone()
        filled[place] = token
        pad = self.tokenizer.pad_token_id
        kept = [index for index in filled.tolist() if index != pad]
        return {
            "score": score,
            "token": token,
            "token_str": self.tokenizer.decode([token]),
            "sequence": self.tokenizer.decode(kept, skip_special_tokens=alone),
        }
