"""The output of a tokenizer: model inputs by name, aligned with words and characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from tokenizers import Encoding

from automodel_core.errors import InputError, TokenizationError
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.tensors import TensorType

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BatchEncoding", "CharSpan", "TokenSpan"]


class CharSpan(NamedTuple):
    """Characters ``start`` to ``end - 1`` of the text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens ``start`` to ``end - 1`` of the sequence."""

    start: int
    end: int


class BatchEncoding(BatchFeature):
    """Model inputs by name; an integer key returns the `tokenizers.Encoding` of that row.

    Methods that take a position take it alone (in row 0) or after the row's index.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        encoding: Encoding | Sequence[Encoding] | None = None,
        tensor_type: str | TensorType | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        super().__init__(data)
        self._encodings: list[Encoding] | None
        if encoding is None:
            self._encodings = None
        else:
            self._encodings = [encoding] if isinstance(encoding, Encoding) else list(encoding)
        if n_sequences is None and self._encodings:
            n_sequences = self._encodings[0].n_sequences
        self._n_sequences = n_sequences
        if tensor_type is not None:
            self.convert_to_tensors(tensor_type, prepend_batch_axis)

    @overload
    def __getitem__(self, item: int) -> Encoding: ...
    @overload
    def __getitem__(self, item: Any) -> Any: ...
    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self.data[item]
        if self._encodings is not None:
            return self._encodings[item]
        if isinstance(item, slice):
            return {key: value[item] for key, value in self.data.items()}
        raise KeyError(
            f"{item!r}: a key is a name, or a row's number if a tokenizer made this encoding"
        )

    @property
    def is_fast(self) -> bool:
        return self._encodings is not None

    @property
    def encodings(self) -> list[Encoding] | None:
        return self._encodings

    @property
    def n_sequences(self) -> int | None:
        """1 for single texts, 2 for pairs, ``None`` if it is not known."""
        return self._n_sequences

    def _row(self, index: int = 0) -> Encoding:
        if not self._encodings:
            raise TokenizationError("Only encodings of text are aligned with words and characters")
        try:
            return self._encodings[index]
        except IndexError as error:
            raise TokenizationError(
                f"Row {index} does not exist: the batch has {len(self._encodings)} rows"
            ) from error

    def _at(self, first: int, second: int | None) -> tuple[Encoding, int]:
        row, index = (0, first) if second is None else (first, second)
        encoding = self._row(row)
        return encoding, index if index >= 0 else len(encoding) + index

    def tokens(self, batch_index: int = 0) -> list[str]:
        return list(self._row(batch_index).tokens)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return for each token 0 or 1 (first or second text), ``None`` for special tokens."""
        return list(self._row(batch_index).sequence_ids)

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Return for each token the number of its word, ``None`` for special tokens."""
        return list(self._row(batch_index).word_ids)

    def words(self, batch_index: int = 0) -> list[int | None]:
        """Return `word_ids` (the older name)."""
        return self.word_ids(batch_index)

    def token_to_sequence(
        self, batch_or_token_index: int, token_index: int | None = None
    ) -> int | None:
        encoding, index = self._at(batch_or_token_index, token_index)
        return encoding.token_to_sequence(index)

    def token_to_word(
        self, batch_or_token_index: int, token_index: int | None = None
    ) -> int | None:
        encoding, index = self._at(batch_or_token_index, token_index)
        return encoding.token_to_word(index)

    def token_to_chars(
        self, batch_or_token_index: int, token_index: int | None = None
    ) -> CharSpan | None:
        encoding, index = self._at(batch_or_token_index, token_index)
        span = encoding.token_to_chars(index)
        return None if span is None else CharSpan(*span)

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        encoding, index = self._at(batch_or_word_index, word_index)
        span = encoding.word_to_tokens(index, sequence_index)
        return None if span is None else TokenSpan(*span)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan:
        encoding, index = self._at(batch_or_word_index, word_index)
        span = encoding.word_to_chars(index, sequence_index)
        if span is None:
            raise TokenizationError(f"Text {sequence_index} has no word {index}")
        return CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        encoding, index = self._at(batch_or_char_index, char_index)
        return encoding.char_to_token(index, sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        encoding, index = self._at(batch_or_char_index, char_index)
        return encoding.char_to_word(index, sequence_index)

    def convert_to_tensors(
        self, tensor_type: str | TensorType | None = None, prepend_batch_axis: bool = False
    ) -> Self:
        """Replace the lists by tensors in place, with a batch axis in front if wanted."""
        try:
            return super().convert_to_tensors(tensor_type, prepend_batch_axis)
        except InputError as error:
            raise TokenizationError(str(error)) from error
