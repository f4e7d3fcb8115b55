"""Pad batches of token ids for collators: mappings or lists of mappings, lists or tensors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.errors import TokenizationError, shown
from automodel_core.preprocessing.tensors import TensorType, plain, tensor_kind
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.lengths import NO_LIMIT, Lengths, PaddingStrategy
from automodel_core.text.protocol import LengthSettings, Padder, TokenTable

__all__ = ["Padding"]

logger = logging.getLogger(__name__)


class Padding(Padder, LengthSettings, TokenTable):
    """The part of a tokenizer that pads rows to one length, and warns of those that are long."""

    _warned_of_length = False

    @property
    def pad_token_type_id(self) -> int:
        return 0

    def _wanted(self, name: str, choice: bool | None) -> bool:
        return name in self.model_input_names if choice is None else choice

    def _lengths(self, **arguments: Any) -> Lengths:
        if arguments.get("padding_side") is None:
            arguments["padding_side"] = self.padding_side
        lengths = Lengths.resolve(**arguments, model_max_length=self.model_max_length)
        if lengths.padding is not None and self.id_named("pad_token") is None:
            raise TokenizationError(
                "This tokenizer does not have a padding token. Set one, as "
                "tokenizer.pad_token = tokenizer.eos_token, or add one: "
                "tokenizer.add_special_tokens({'pad_token': '[PAD]'})"
            )
        return lengths

    def _warn_of_length(self, longest: int) -> None:
        if self._warned_of_length or not 0 < self.model_max_length < NO_LIMIT:
            return
        if longest > self.model_max_length:
            self._warned_of_length = True
            logger.warning(
                "A sequence has %d tokens, and the model takes at most %d: it will fail. "
                "truncation=True cuts it.",
                longest,
                self.model_max_length,
            )

    def padding_values(self) -> Mapping[str, Any]:
        """Return what each input is padded with, for each token; others are not padded."""
        pad_token_id = self.id_named("pad_token")
        return {
            self.model_input_names[0]: 0 if pad_token_id is None else pad_token_id,
            "attention_mask": 0,
            "token_type_ids": self.pad_token_type_id,
            "special_tokens_mask": 1,
        }

    def pad(
        self,
        encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        padding: bool | str | PaddingStrategy = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | TensorType | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad encoded rows to one length: a mapping of lists, or a list of mappings."""
        lengths = self._lengths(
            padding=padding,
            truncation=False,
            max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            verbose=False,
        )
        return _pad_batch(
            encoded_inputs,
            lengths,
            self.padding_values(),
            main_input=self.model_input_names[0],
            with_mask=self._wanted("attention_mask", return_attention_mask),
            return_tensors=return_tensors,
        )


def _pad_batch(
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    lengths: Lengths,
    fillers: Mapping[str, Any],
    *,
    main_input: str,
    with_mask: bool,
    return_tensors: str | TensorType | None,
) -> BatchEncoding:
    """Return ``inputs`` padded with the value that ``fillers`` gives for each key.

    Other keys are kept. A row whose mask is missing gets one. Tensors come back as tensors.
    """
    if isinstance(inputs, Mapping):
        data = dict(inputs)
    else:
        data = {key: [row[key] for row in inputs] for key in (inputs[0] if len(inputs) else ())}
    if main_input not in data:
        raise TokenizationError(
            f"Padding needs {main_input!r}; the input has {shown(sorted(data))}"
        )
    if data[main_input] is None or len(data[main_input]) == 0:
        return BatchEncoding({**data, "attention_mask": []} if with_mask else data)
    kinds = [tensor_kind(value) or _kind_within(value) for value in data.values()]
    if return_tensors is None:
        return_tensors = next((kind for kind in kinds if kind is not None), None)
    data = {key: plain(value) for key, value in data.items()}

    rows = data[main_input]
    if isinstance(rows[0], int):
        padded = _padded(data, len(rows), lengths, fillers, main_input, with_mask)
        return BatchEncoding(padded, tensor_type=return_tensors)
    for key, value in data.items():
        if not isinstance(value, list) or len(value) != len(rows):
            raise TokenizationError(f"{key!r} has not one entry for each of the {len(rows)} rows")
    longest = max(len(row) for row in rows)
    batch: dict[str, list[Any]] = {}
    for index in range(len(rows)):
        one = {key: value[index] for key, value in data.items()}
        for key, value in _padded(one, longest, lengths, fillers, main_input, with_mask).items():
            batch.setdefault(key, []).append(value)
    return BatchEncoding(batch, tensor_type=return_tensors)


def _kind_within(value: Any) -> TensorType | None:
    """Return the kind of a list of tensors."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return tensor_kind(value)


def _padded(
    row: dict[str, Any],
    longest: int,
    lengths: Lengths,
    fillers: Mapping[str, Any],
    main_input: str,
    with_mask: bool,
) -> dict[str, Any]:
    ids = row[main_input]
    result = dict(row)
    if with_mask and "attention_mask" not in row:
        result["attention_mask"] = [1] * len(ids)
    missing = 0 if lengths.padding is None else lengths.padded(longest) - len(ids)
    if missing > 0:
        for key, filler in fillers.items():
            if key in result and (key != "attention_mask" or with_mask):
                pad = [filler] * missing
                result[key] = (
                    pad + result[key] if lengths.padding_side == "left" else result[key] + pad
                )
    return result
