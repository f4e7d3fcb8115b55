"""Methods of transformers 4 that code in use still calls, implemented by today's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.errors import TokenizationError, shown
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.lengths import TruncationStrategy
from automodel_core.text.encoding.request import EncodeOptions, Text
from automodel_core.text.protocol import (
    Encoder,
    LengthSettings,
    Padder,
    SequenceBuilder,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["LegacyCalls"]


class LegacyCalls(Encoder, SequenceBuilder, Padder, LengthSettings):
    """The part of a tokenizer that keeps older calls working."""

    slow_tokenizer_class: ClassVar[None] = None
    add_prefix_space: bool = False
    """Whether a space is added before each text; only byte-level tokenizers can be asked to."""

    def encode_plus(
        self, text: Text, text_pair: Text | None = None, **kwargs: Unpack[EncodeOptions]
    ) -> BatchEncoding:
        return self(text, text_pair, **kwargs)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: Sequence[Any], **kwargs: Unpack[EncodeOptions]
    ) -> BatchEncoding:
        return self(list(batch_text_or_text_pairs), **kwargs)

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Encode targets within the block; ``text_target=`` does so for one call."""
        yield

    def prepare_seq2seq_batch(
        self,
        src_texts: Sequence[str],
        tgt_texts: Sequence[str] | None = None,
        max_length: int | None = None,
        max_target_length: int | None = None,
        padding: bool | str = "longest",
        return_tensors: str | None = None,
        truncation: bool | str = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Encode sources, and targets as ``labels``."""
        for name in ("src_lang", "tgt_lang"):
            kwargs.pop(name, None)
        return self(
            list(src_texts),
            text_target=None if tgt_texts is None else list(tgt_texts),
            max_length=self.model_max_length if max_length is None else max_length,
            max_target_length=max_target_length,
            padding=padding,
            return_tensors=return_tensors,
            truncation=truncation,
            **kwargs,
        )

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str | TruncationStrategy = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """Return both sequences truncated, and the removed tokens with ``stride`` more."""
        strategy = TruncationStrategy(truncation_strategy)
        left = self.truncation_side == "left"
        if num_tokens_to_remove <= 0 or strategy is TruncationStrategy.DO_NOT_TRUNCATE:
            return ids, pair_ids, []

        def shortened(tokens: list[int], count: int) -> tuple[list[int], list[int]]:
            window = min(len(tokens), stride + count)
            if left:
                return tokens[count:], tokens[:window]
            return tokens[: len(tokens) - count], tokens[len(tokens) - window :]

        if strategy is TruncationStrategy.LONGEST_FIRST and pair_ids is not None:
            for _ in range(num_tokens_to_remove):
                if len(ids) > len(pair_ids):
                    ids = shortened(ids, 1)[0]
                else:
                    pair_ids = shortened(pair_ids, 1)[0]
            return ids, pair_ids, []
        second = strategy is TruncationStrategy.ONLY_SECOND
        target = pair_ids if second else ids
        if target is None or len(target) <= num_tokens_to_remove:
            raise TokenizationError(
                f"Cannot remove {num_tokens_to_remove} tokens from the "
                f"{'second' if second else 'first'} sequence: it is too short or absent"
            )
        kept, overflow = shortened(target, num_tokens_to_remove)
        return (ids, kept, overflow) if second else (kept, pair_ids, overflow)

    def prepare_for_model(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        prepend_batch_axis: bool = False,
    ) -> BatchEncoding:
        """Make model inputs from token ids that have no special tokens yet."""
        if not all(isinstance(index, int) for index in [*ids, *(pair_ids or ())]):
            raise TokenizationError(f"prepare_for_model takes token ids, got {shown(ids)}")
        if truncation is None or truncation is False:
            strategy = TruncationStrategy.DO_NOT_TRUNCATE
            if truncation is None and max_length is not None and padding is False:
                strategy = TruncationStrategy.LONGEST_FIRST
        else:
            strategy = TruncationStrategy("longest_first" if truncation is True else truncation)
        limit = self.model_max_length if max_length is None else max_length
        special = self.num_special_tokens_to_add(pair_ids is not None) if add_special_tokens else 0
        excess = len(ids) + len(pair_ids or ()) + special - limit
        overflow: list[int] = []
        if strategy is not TruncationStrategy.DO_NOT_TRUNCATE:
            ids, pair_ids, overflow = self.truncate_sequences(
                ids, pair_ids, excess, strategy, stride
            )

        data: dict[str, Any] = {}
        if return_overflowing_tokens:
            data["overflowing_tokens"] = overflow
            data["num_truncated_tokens"] = excess
        if add_special_tokens:
            data["input_ids"] = self.build_inputs_with_special_tokens(ids, pair_ids)
            type_ids = self.create_token_type_ids_from_sequences(ids, pair_ids)
            mask = self.get_special_tokens_mask(ids, pair_ids)
        else:
            data["input_ids"] = ids + (pair_ids or [])
            type_ids = [0] * len(ids) + [0] * len(pair_ids or ())
            mask = [0] * len(data["input_ids"])
        if (
            "token_type_ids" in self.model_input_names
            if return_token_type_ids is None
            else return_token_type_ids
        ):
            data["token_type_ids"] = type_ids
        if return_special_tokens_mask:
            data["special_tokens_mask"] = mask
        result = self.pad(
            data,
            padding=padding,
            max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_attention_mask=return_attention_mask,
        )
        if return_length:
            result["length"] = len(result["input_ids"])
        return result.convert_to_tensors(return_tensors, prepend_batch_axis)
