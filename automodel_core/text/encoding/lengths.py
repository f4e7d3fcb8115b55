"""How ``padding``, ``truncation`` and ``max_length`` together determine lengths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from automodel_core.errors import TokenizationError, shown, warn_caller
from automodel_core.text.encoding.checks import Side, checked

__all__ = ["NO_LIMIT", "Lengths", "PaddingStrategy", "TruncationStrategy"]

NO_LIMIT = int(1e30)
"""``model_max_length`` of a tokenizer that states none."""
PLAUSIBLE_LIMIT = int(1e20)


class PaddingStrategy(str, Enum):
    """Values of ``padding``."""

    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"


class TruncationStrategy(str, Enum):
    """Values of ``truncation``."""

    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    LONGEST_FIRST = "longest_first"
    DO_NOT_TRUNCATE = "do_not_truncate"


@dataclass(frozen=True)
class Lengths:
    """The lengths of one call in tokens; ``None`` as padding or truncation means neither."""

    padding: PaddingStrategy | None = None
    truncation: TruncationStrategy | None = None
    max_length: int | None = None
    stride: int = 0
    pad_to_multiple_of: int | None = None
    padding_side: Side = "right"

    @classmethod
    def resolve(
        cls,
        padding: bool | str | PaddingStrategy | None,
        truncation: bool | str | TruncationStrategy | None,
        max_length: int | None,
        *,
        model_max_length: int,
        stride: int = 0,
        pad_to_multiple_of: int | None = None,
        padding_side: str = "right",
        verbose: bool = True,
    ) -> Lengths:
        """Resolve the arguments of a call; the default length is the model's limit."""
        if max_length is not None and padding is False and truncation is None:
            truncation = True
        pad = _padding(padding)
        cut = _truncation(truncation)
        if padding is True and cut is None and max_length is not None and verbose:
            warn_caller(
                "max_length has no effect with padding=True and no truncation; "
                "padding='max_length' pads to it, truncation=True cuts to it"
            )
        if max_length is None and (pad is PaddingStrategy.MAX_LENGTH or cut is not None):
            if model_max_length > PLAUSIBLE_LIMIT:
                pad = None if pad is PaddingStrategy.MAX_LENGTH else pad
                cut = None
            else:
                max_length = model_max_length
        lengths = cls(
            pad,
            cut,
            checked("max_length", max_length),
            checked("stride", stride),
            checked("pad_to_multiple_of", pad_to_multiple_of),
            checked("padding_side", padding_side),
        )
        multiple = lengths.pad_to_multiple_of
        if pad and cut and multiple and lengths.max_length and lengths.max_length % multiple:
            raise TokenizationError(
                f"Truncation to max_length={max_length} and padding to a multiple of "
                f"pad_to_multiple_of={multiple} contradict each other: "
                "max_length is not a multiple of it"
            )
        return lengths

    def padded(self, longest: int) -> int:
        """Return the length to pad to in a batch whose longest sequence has ``longest`` tokens."""
        if self.padding is PaddingStrategy.MAX_LENGTH and self.max_length is not None:
            longest = self.max_length
        multiple = self.pad_to_multiple_of or 1
        return -(-longest // multiple) * multiple


def _padding(padding: bool | str | PaddingStrategy | None) -> PaddingStrategy | None:
    if padding is None or padding is False:
        return None
    try:
        strategy = PaddingStrategy.LONGEST if padding is True else PaddingStrategy(padding)
    except ValueError as error:
        raise TokenizationError(
            f"padding={shown(padding)} is not known; it is True, False, 'longest', "
            "'max_length' or 'do_not_pad'"
        ) from error
    return None if strategy is PaddingStrategy.DO_NOT_PAD else strategy


def _truncation(truncation: bool | str | TruncationStrategy | None) -> TruncationStrategy | None:
    if truncation is None or truncation is False:
        return None
    try:
        strategy = (
            TruncationStrategy.LONGEST_FIRST
            if truncation is True
            else TruncationStrategy(truncation)
        )
    except ValueError as error:
        raise TokenizationError(
            f"truncation={shown(truncation)} is not known; it is True, False, 'longest_first', "
            "'only_first', 'only_second' or 'do_not_truncate'"
        ) from error
    return None if strategy is TruncationStrategy.DO_NOT_TRUNCATE else strategy
