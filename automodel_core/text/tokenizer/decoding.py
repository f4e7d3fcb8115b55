"""Token ids back to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from automodel_core.errors import TokenizationError, shown
from automodel_core.preprocessing.tensors import plain
from automodel_core.text.encoding.rust import LARGEST_ID, rust_errors
from automodel_core.text.protocol import Backends

__all__ = ["Decoding"]

CLEAN_UPS = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


class Decoding(Backends):
    """The part of a tokenizer that turns token ids into text."""

    clean_up_tokenization_spaces: bool
    clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output: bool

    @overload
    def decode(
        self,
        token_ids: int | Sequence[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str: ...
    @overload
    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> Any: ...
    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return the text of token ids (list, tensor or one id); of several rows, their texts."""
        if isinstance(token_ids, Mapping):
            token_ids = token_ids["input_ids"]
        ids = plain(token_ids)
        if isinstance(ids, list) and ids and isinstance(ids[0], list):
            rows, single = ids, False
        else:
            rows, single = [[ids] if isinstance(ids, int) else ids], True
        try:
            texts = [self.written(text) for text in self.texts_of(rows, skip_special_tokens)]
        except TokenizationError:
            _check_ids(rows)
            raise
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        if clean_up_tokenization_spaces and self.may_clean_up():
            texts = [self.clean_up_tokenization(text) for text in texts]
        return texts[0] if single else texts

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Return the text of each row of token ids."""
        texts = self.decode(sequences, skip_special_tokens, clean_up_tokenization_spaces, **kwargs)
        return [texts] if isinstance(texts, str) else texts

    def texts_of(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        """Return the texts of rows of ids: by default as the Rust library joins their tokens."""
        with rust_errors("decoding"):
            return self._decoding_backend.rust.decode_batch(
                rows, skip_special_tokens=skip_special_tokens
            )

    def written(self, text: str) -> str:
        """Return what the Rust library has decoded as it is read: by default unchanged."""
        return text

    def may_clean_up(self) -> bool:
        """Return whether a text is cleaned up on request.

        Not that of BPE, which keeps spaces in its tokens: removing them damages other languages.
        """
        return (
            type(self._backend.rust.model).__name__ != "BPE"
            or self.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output
        )

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Remove the spaces that English does not write before punctuation and contractions."""
        for spaced, plain_text in CLEAN_UPS:
            out_string = out_string.replace(spaced, plain_text)
        return out_string


def _check_ids(rows: list[Any]) -> None:
    """Raise an error that names the first value that is no token id, if there is one."""
    for row in rows:
        for index in row:
            if (
                isinstance(index, bool)
                or not isinstance(index, int)
                or not 0 <= index <= LARGEST_ID
            ):
                hint = " (-100 marks positions that the loss ignores)" if index == -100 else ""
                raise TokenizationError(
                    f"Cannot decode {shown(index)}: token ids are at least 0{hint}"
                )
