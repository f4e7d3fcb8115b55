"""Tokens and ids: look-up both ways, added tokens, and sequences with special tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, overload

from tokenizers import AddedToken, Tokenizer
from tokenizers.processors import PostProcessor

from automodel_core.errors import TokenizationError, shown
from automodel_core.preprocessing.tensors import plain
from automodel_core.registry.imports import resolve
from automodel_core.text.encoding.added_tokens import TokenLike
from automodel_core.text.encoding.post_processor import Template, bos_eos_processor
from automodel_core.text.encoding.rust import LARGEST_ID, Backend, rust_errors
from automodel_core.text.protocol import Backends, SequenceBuilder, TokenTable

__all__ = ["Vocabulary"]


class Vocabulary(SequenceBuilder, Backends, TokenTable):
    """The part of a tokenizer that maps tokens to ids and back, and adds special tokens to ids."""

    encodes_by_backend: ClassVar[bool] = True
    """Whether `backend_tokenizer` alone makes the ids of every text, be it source or target."""
    _add_bos_token: bool
    _add_eos_token: bool

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The `tokenizers.Tokenizer`; do not change it while other threads encode."""
        return self._backend.rust

    def to_transformers(self) -> Any:
        """Return transformers' tokenizer that gives the same ids, for packages that want one.

        It is a copy. Raises `MissingExtraError` where transformers is not installed.
        """
        convert: Any = resolve("automodel_core.integrations.tokenizers:to_transformers")
        return convert(self)

    @property
    def _encoding_backend(self) -> Backend:
        """The vocabulary in which tokens become ids."""
        return self._backend

    @property
    def _decoding_backend(self) -> Backend:
        """The vocabulary in which ids become tokens and text."""
        return self._backend

    @property
    def is_fast(self) -> bool:
        return True

    @property
    def vocab_size(self) -> int:
        """The number of tokens without the added ones."""
        return self._backend.rust.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._backend.rust.get_vocab_size(with_added_tokens=True)

    def __bool__(self) -> bool:
        return True

    def get_vocab(self) -> dict[str, int]:
        return self._backend.rust.get_vocab(with_added_tokens=True)

    @property
    def vocab(self) -> dict[str, int]:
        return self.get_vocab()

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        return self._backend.rust.get_added_tokens_decoder()

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        return {token.content: index for index, token in sorted(self.added_tokens_decoder.items())}

    def get_added_vocab(self) -> dict[str, int]:
        return self.added_tokens_encoder

    def add_tokens(
        self, new_tokens: TokenLike | Sequence[TokenLike], special_tokens: bool = False
    ) -> int:
        """Add tokens that the vocabulary lacks, and return how many there were."""
        tokens = [new_tokens] if isinstance(new_tokens, str | AddedToken) else list(new_tokens)
        if not tokens:
            return 0
        with self._backend.exclusive() as rust, rust_errors("adding tokens"):
            return rust.add_special_tokens(tokens) if special_tokens else rust.add_tokens(tokens)

    def _token_to_id(self, token: Any) -> int | None:
        if not isinstance(token, str | AddedToken):
            raise TokenizationError(f"A token is a str, got {type(token).__name__} {shown(token)}")
        with rust_errors(f"looking up the token {shown(str(token))}"):
            rust = self._encoding_backend.rust
            index = rust.token_to_id(str(token))
            unk = self.token_named("unk_token") if index is None else None
            return index if unk is None else rust.token_to_id(unk)

    @overload
    def convert_tokens_to_ids(self, tokens: None) -> None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: TokenLike) -> int | None: ...  # type: ignore[overload-overlap]
    @overload
    def convert_tokens_to_ids(self, tokens: Iterable[TokenLike]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """Return the id of a token, or the ids of several; unknown ones get ``unk_token``'s.

        It is ``None`` if there is no ``unk_token``.
        """
        if tokens is None:
            return None
        if isinstance(tokens, str | AddedToken):
            return self._token_to_id(tokens)
        return [self._token_to_id(token) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str | None: ...
    @overload
    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any: ...
    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Return the token of an id, or of several; ``None`` for an id beyond the vocabulary."""
        numbers = plain(ids)
        if isinstance(numbers, int):
            return self._id_to_token(numbers)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self._id_to_token(index) for index in map(int, numbers) if index not in skipped]

    def _id_to_token(self, index: int) -> str | None:
        if not 0 <= index <= LARGEST_ID:
            raise TokenizationError(f"Token ids are at least 0, got {index}")
        return self._decoding_backend.rust.id_to_token(index)

    def convert_tokens_to_string(self, tokens: Iterable[str]) -> str:
        decoder = self._decoding_backend.rust.decoder
        with rust_errors("joining tokens"):
            return " ".join(tokens) if decoder is None else decoder.decode(list(tokens))

    @property
    def _post_processor(self) -> PostProcessor | None:
        """The part of the pipeline that adds the special tokens."""
        return self._backend.processor

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        processor = self._post_processor
        return 0 if processor is None else processor.num_special_tokens_to_add(pair)

    @property
    def add_bos_token(self) -> bool:
        return self._add_bos_token

    @add_bos_token.setter
    def add_bos_token(self, value: bool) -> None:
        self._add_bos_token = bool(value)
        self.update_post_processor()

    @property
    def add_eos_token(self) -> bool:
        return self._add_eos_token

    @add_eos_token.setter
    def add_eos_token(self, value: bool) -> None:
        self._add_eos_token = bool(value)
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Let texts begin with ``bos_token`` and end with ``eos_token``, as the two flags say."""

        def wanted(name: str, flag: bool) -> tuple[str, int] | None:
            token, index = self.token_named(name), self.id_named(name)
            return (token, index) if flag and token is not None and index is not None else None

        processor = bos_eos_processor(
            wanted("bos_token", self._add_bos_token), wanted("eos_token", self._add_eos_token)
        )
        with self._backend.exclusive() as rust:
            rust.post_processor = processor

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        return Template.of(self._post_processor).ids(token_ids_0, token_ids_1)

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        return Template.of(self._post_processor).type_ids(token_ids_0, token_ids_1)

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Return 1 for special tokens and 0 for others, of the sequence with its special tokens."""
        if not already_has_special_tokens:
            return Template.of(self._post_processor).special_mask(token_ids_0, token_ids_1)
        if token_ids_1 is not None:
            raise TokenizationError(
                "A sequence that already has its special tokens is given as token_ids_0 alone"
            )
        special = set(self.all_special_ids)
        return [int(index in special) for index in plain(token_ids_0)]
