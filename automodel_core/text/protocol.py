"""What the parts of a tokenizer need of one another.

A part is one of the bases of `PreTrainedTokenizer`, in a file of its own. It derives from the
protocols that it provides and from those that it needs; no part knows another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

from automodel_core.preprocessing.tensors import TensorType
from automodel_core.text.encoding.added_tokens import TokenLike
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.lengths import PaddingStrategy
from automodel_core.text.encoding.request import EncodeOptions, Text
from automodel_core.text.encoding.rust import Backend

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Backends",
    "Encoder",
    "LengthSettings",
    "Padder",
    "SequenceBuilder",
    "TokenTable",
]


class Encoder(Protocol):
    """Text to model inputs."""

    def __call__(
        self,
        text: Text | None = None,
        text_pair: Text | None = None,
        text_target: Text | None = None,
        text_pair_target: Text | None = None,
        **options: Unpack[EncodeOptions],
    ) -> BatchEncoding: ...


class SequenceBuilder(Protocol):
    """Token ids of texts to a sequence with its special tokens."""

    def num_special_tokens_to_add(self, pair: bool = False) -> int: ...

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]: ...

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]: ...

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]: ...


class Padder(Protocol):
    """Rows of token ids to rows of one length."""

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
    ) -> BatchEncoding: ...


class LengthSettings(Protocol):
    """How long sequences may be, and on which side they are padded and cut."""

    model_max_length: int
    padding_side: str
    truncation_side: str
    model_input_names: Sequence[str]


class Backends(Protocol):
    """The Rust tokenizers; the last two differ from the first where sides have vocabularies."""

    _backend: Backend

    @property
    def _encoding_backend(self) -> Backend: ...

    @property
    def _decoding_backend(self) -> Backend: ...


class TokenTable(Protocol):
    """Tokens, their ids, and the names of special ones."""

    @overload
    def convert_tokens_to_ids(self, tokens: None) -> None: ...
    @overload
    def convert_tokens_to_ids(self, tokens: TokenLike) -> int | None: ...  # type: ignore[overload-overlap]
    @overload
    def convert_tokens_to_ids(self, tokens: Iterable[TokenLike]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: Any) -> Any: ...

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str | None: ...
    @overload
    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any: ...
    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any: ...

    def add_tokens(
        self, new_tokens: TokenLike | Sequence[TokenLike], special_tokens: bool = False
    ) -> int: ...

    def token_named(self, name: str) -> str | None: ...

    def id_named(self, name: str) -> int | None: ...

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def special_tokens_map(self) -> dict[str, str]: ...
