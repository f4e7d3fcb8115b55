"""One call of a tokenizer: its arguments, and the model inputs made of the Rust encodings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, TypedDict

from tokenizers import Encoding
from tokenizers.processors import PostProcessor

from automodel_core.errors import MissingExtraError, TokenizationError, did_you_mean, shown
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.lengths import Lengths, PaddingStrategy, TruncationStrategy
from automodel_core.text.encoding.rust import Backend, rust_errors

__all__ = [
    "KEYWORDS",
    "EncodeOptions",
    "EncodeRequest",
    "RarerOptions",
    "Text",
    "encode",
    "rarer_options",
]

Text = str | Sequence[str] | Sequence[Sequence[str]] | Sequence[tuple[Sequence[str], Sequence[str]]]
"""A text, a list of texts or of words, or lists of words; pairs are given as two of them."""


class RarerOptions(TypedDict, total=False):
    """Keywords of a tokenizer's call that are seldom given, or older than today's."""

    split_special_tokens: bool
    max_target_length: int | None
    truncation_strategy: str | TruncationStrategy | None
    pad_to_max_length: bool


class EncodeOptions(RarerOptions, total=False):
    """All keywords of a tokenizer's call but the texts."""

    add_special_tokens: bool
    padding: bool | str | PaddingStrategy
    truncation: bool | str | TruncationStrategy | None
    max_length: int | None
    stride: int
    is_split_into_words: bool
    pad_to_multiple_of: int | None
    padding_side: str | None
    return_tensors: str | TensorType | None
    return_token_type_ids: bool | None
    return_attention_mask: bool | None
    return_overflowing_tokens: bool
    return_special_tokens_mask: bool
    return_offsets_mapping: bool
    return_length: bool
    verbose: bool


TEXTS = ("text", "text_pair", "text_target", "text_pair_target")
KEYWORDS = frozenset((*TEXTS, *EncodeOptions.__annotations__))
"""The names of all arguments of a tokenizer's call."""


@dataclass(frozen=True, kw_only=True)
class EncodeRequest:
    """The arguments of one call, checked and completed."""

    lengths: Lengths
    add_special_tokens: bool = True
    is_split_into_words: bool = False
    split_special_tokens: bool = False
    token_type_ids: bool = False
    attention_mask: bool = True
    overflowing_tokens: bool = False
    special_tokens_mask: bool = False
    offsets_mapping: bool = False
    length: bool = False
    return_tensors: str | TensorType | None = None
    processor: PostProcessor | None = None
    """The post-processor to use in place of the tokenizer's own."""

    def with_lengths(self, lengths: Lengths) -> EncodeRequest:
        return replace(self, lengths=lengths)


def rarer_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a call's rarer keywords, and translate the older ones."""
    for name in given:
        if name not in RarerOptions.__annotations__:
            question = did_you_mean(name, KEYWORDS)
            raise TypeError(f"A tokenizer takes no argument {name!r}{question}")
    result = dict(given)
    strategy = result.pop("truncation_strategy", None)
    if strategy is not None:
        result["truncation"] = strategy
    if result.pop("pad_to_max_length", False):
        result["padding"] = "max_length"
    return result


def encode(
    backend: Backend,
    text: Text,
    text_pair: Text | None,
    request: EncodeRequest,
    truncation_side: str,
    pad: Callable[[Encoding, int], None],
    finish: Callable[[Encoding, Any], Encoding] | None = None,
) -> BatchEncoding:
    """Encode ``text`` (with ``text_pair``); ``pad`` extends one encoding to a length.

    ``finish`` corrects an encoding, given its input: a text, words, or a pair of either.
    """
    if request.is_split_into_words:
        _need_numpy()
    inputs, batched = _inputs(text, text_pair, request.is_split_into_words)
    truncation = _truncation(backend, request, truncation_side, text_pair is not None)
    options = {"add_special_tokens": request.add_special_tokens}
    try:
        with (
            backend.leased(truncation, request.split_special_tokens, request.processor) as rust,
            rust_errors("encoding"),
        ):
            if batched:
                encodings = rust.encode_batch(
                    inputs, is_pretokenized=request.is_split_into_words, **options
                )
            else:
                # One text needs no pool of threads.
                first, second = inputs[0] if text_pair else (inputs[0], None)
                encodings = [
                    rust.encode(
                        first, second, is_pretokenized=request.is_split_into_words, **options
                    )
                ]
    except TokenizationError:
        _explain(inputs)
        raise
    if finish is not None:
        encodings = [finish(*pair) for pair in zip(encodings, inputs, strict=True)]
    if request.lengths.padding is not None and encodings:
        length = request.lengths.padded(max(len(encoding) for encoding in encodings))
        for encoding in encodings:
            pad(encoding, length)
    return _collect(encodings, request, single=not batched)


def _collect(encodings: list[Encoding], request: EncodeRequest, *, single: bool) -> BatchEncoding:
    samples = list(range(len(encodings)))
    if request.overflowing_tokens:
        rows = [[encoding, *encoding.overflowing] for encoding in encodings]
        samples = [index for index, parts in enumerate(rows) for _ in parts]
        encodings = [part for parts in rows for part in parts]
    data: dict[str, Any] = {"input_ids": [encoding.ids for encoding in encodings]}
    if request.token_type_ids:
        data["token_type_ids"] = [encoding.type_ids for encoding in encodings]
    if request.attention_mask:
        data["attention_mask"] = [encoding.attention_mask for encoding in encodings]
    if request.special_tokens_mask:
        data["special_tokens_mask"] = [encoding.special_tokens_mask for encoding in encodings]
    if request.offsets_mapping:
        data["offset_mapping"] = [encoding.offsets for encoding in encodings]
    if single and request.return_tensors is None and not request.overflowing_tokens:
        data = {key: rows[0] for key, rows in data.items()}
    if request.length:
        data["length"] = [len(encoding) for encoding in encodings]
    if request.overflowing_tokens:
        data["overflow_to_sample_mapping"] = samples
    return BatchEncoding(data, encodings, tensor_type=request.return_tensors)


def _inputs(text: Any, text_pair: Any, split: bool) -> tuple[list[Any], bool]:
    """Return the inputs as the Rust library takes them, and whether they are a batch."""
    for value in (text,) if text_pair is None else (text, text_pair):
        if not isinstance(value, str | list | tuple):
            raise TokenizationError(
                "Text is a str, a list of str, or lists of words, "
                f"got {type(value).__name__} {shown(value)}"
            )
    batched = isinstance(text, list | tuple)
    if split:
        batched = batched and len(text) > 0 and isinstance(text[0], list | tuple)
    if not batched:
        return [(text, text_pair) if text_pair else text], False
    if text_pair is None:
        return list(text), True
    if isinstance(text_pair, str) or len(text_pair) != len(text):
        given = "one str" if isinstance(text_pair, str) else f"{len(text_pair)} texts"
        raise TokenizationError(f"text is a batch of {len(text)} texts, and text_pair is {given}")
    return list(zip(text, text_pair, strict=True)), True


def _truncation(
    backend: Backend, request: EncodeRequest, side: str, pair: bool
) -> Mapping[str, Any] | None:
    lengths = request.lengths
    if lengths.truncation is None or lengths.max_length is None:
        return None
    special = _added(backend, request, pair) if request.add_special_tokens else 0
    room = lengths.max_length - special
    if room < 0:
        raise TokenizationError(
            f"max_length={lengths.max_length} leaves no room for the {special} special tokens"
        )
    if room and lengths.stride >= room:
        raise TokenizationError(
            f"stride={lengths.stride} must be below the {room} tokens that "
            f"max_length={lengths.max_length} leaves for text"
        )
    return {
        "max_length": lengths.max_length,
        "stride": lengths.stride if room else 0,
        "strategy": lengths.truncation.value,
        "direction": side,
    }


def _added(backend: Backend, request: EncodeRequest, pair: bool) -> int:
    """Return how many special tokens the request's processor adds."""
    processor = backend.processor if request.processor is None else request.processor
    return 0 if processor is None else processor.num_special_tokens_to_add(pair)


def _need_numpy() -> None:
    """Raise `MissingExtraError` if NumPy is absent: the tokenizers package panics without it."""
    if find_spec("numpy") is None:
        raise MissingExtraError(
            "is_split_into_words=True needs NumPy, by which the tokenizers package takes words: "
            "pip install numpy"
        )


def _explain(inputs: list[Any]) -> None:
    """Raise an error that names the first input that is no text, if there is one."""
    for row, value in enumerate(inputs):
        for leaf in _leaves(value):
            if not isinstance(leaf, str):
                raise TokenizationError(
                    f"Input {row} holds {type(leaf).__name__} {shown(leaf)} where text belongs"
                )
            try:
                leaf.encode("utf-8")
            except UnicodeEncodeError as error:
                raise TokenizationError(
                    f"Input {row} holds a lone surrogate at character {error.start}: "
                    f"{shown(leaf)}. It is no Unicode text; "
                    "text.encode('utf-8', 'replace').decode() replaces it."
                ) from error


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
