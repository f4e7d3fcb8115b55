"""Text to model inputs and back.

`PreTrainedTokenizer` loads any ``tokenizer.json``; a subclass adds what an architecture's own
files and settings mean.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import getattr_static
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from tokenizers import AddedToken, Encoding, Tokenizer

from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.errors import TokenizationError, located, shown
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.text.chat.template import ChatTemplates
from automodel_core.text.encoding.added_tokens import (
    added_token,
    read_added_tokens,
    renamed_token,
)
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.checks import checked
from automodel_core.text.encoding.lengths import NO_LIMIT, PaddingStrategy, TruncationStrategy
from automodel_core.text.encoding.request import (
    KEYWORDS,
    EncodeOptions,
    EncodeRequest,
    RarerOptions,
    Text,
    encode,
    rarer_options,
)
from automodel_core.text.encoding.rust import Backend, backend_from, rust_errors, stored_defaults
from automodel_core.text.tokenizer.decoding import Decoding
from automodel_core.text.tokenizer.legacy import LegacyCalls
from automodel_core.text.tokenizer.loading import load_settings
from automodel_core.text.tokenizer.padding import Padding
from automodel_core.text.tokenizer.saving import save
from automodel_core.text.tokenizer.special_tokens import SpecialTokens
from automodel_core.text.tokenizer.training import retrained
from automodel_core.text.tokenizer.vocabulary import Vocabulary

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from automodel_core.checkpoint.places.hub.push import PushOptions

__all__ = [
    "PreTrainedTokenizer",
    "PreTrainedTokenizerBase",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
]

FLAGS = (
    "clean_up_tokenization_spaces",
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
    "split_special_tokens",
    "verbose",
)
"""Boolean settings; they default to false."""


class PreTrainedTokenizer(ChatTemplates, LegacyCalls, Padding, Decoding, Vocabulary, SpecialTokens):
    """A tokenizer over a `tokenizers.Tokenizer`, safe to share between threads.

    Give ``tokenizer_object`` or ``tokenizer_file``. Further keywords are the settings that
    ``tokenizer_config.json`` holds: special tokens, ``model_max_length``, ``padding_side``, ...
    """

    vocab_files_names: ClassVar[dict[str, str]] = {"tokenizer_file": "tokenizer.json"}
    """The constructor's arguments that are files, and the names of those files in a checkpoint."""
    model_input_names: Sequence[str] = ("input_ids", "attention_mask")
    padding_side: str = "right"
    truncation_side: str = "right"
    split_special_tokens: bool
    verbose: bool

    def __init__(
        self,
        *,
        tokenizer_object: Tokenizer | Backend | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        backend = backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            raise TokenizationError(
                f"{type(self).__name__} needs a tokenizer_object "
                "or a tokenizer_file (tokenizer.json)"
            )
        for name in settings:
            if isinstance(getattr_static(type(self), name, None), FunctionType):
                raise TokenizationError(
                    f"{type(self).__name__} has a method {name}, which no setting may replace"
                )
        self._backend = backend
        for name, value in stored_defaults(backend.rust).items():
            settings.setdefault(name, value)
        self.init_kwargs: dict[str, Any] = copy.deepcopy(settings)
        self._take_special_tokens(settings)
        self.name_or_path = str(settings.pop("name_or_path", ""))
        self.model_max_length: int = _limit(
            settings.pop("model_max_length", settings.pop("max_len", None))
        )
        for name in ("padding_side", "truncation_side", "model_input_names"):
            setattr(self, name, checked(name, settings.pop(name, getattr(self, name))))
        for name in FLAGS:
            setattr(self, name, checked(name, settings.pop(name, None) or False))
        self.chat_template = self._template_setting(settings.pop("chat_template", None))
        self._processor_class: str | None = settings.pop("processor_class", None)
        self._add_bos_token = bool(settings.get("add_bos_token", False))
        self._add_eos_token = bool(settings.get("add_eos_token", False))
        self._add_known_tokens(settings.pop("added_tokens_decoder", None) or {})
        chosen = (
            settings.get("add_bos_token") is not None or settings.get("add_eos_token") is not None
        )
        if chosen or self._backend.rust.post_processor is None:
            self.update_post_processor()

    def _add_known_tokens(self, stored: Any) -> None:
        """Add the checkpoint's added tokens at their ids, then special tokens that are missing."""
        known = read_added_tokens(stored)
        named = set(self.special_tokens_map.values())
        for token in [*known.values(), *self.added_tokens_decoder.values()]:
            if token.content in named and not token.special:
                token.special = True
                index = self._backend.rust.token_to_id(token.content)
                known.setdefault(-1 if index is None else index, token)
        self.add_tokens([token for _, token in sorted(known.items())])
        for index, token in known.items():
            found = self._backend.rust.token_to_id(token.content)
            if found != index:
                raise TokenizationError(
                    f"added_tokens_decoder gives {shown(token.content)} the id {index}; "
                    f"in this vocabulary its id is {found}"
                )
        present = self.added_tokens_encoder
        self.add_tokens(
            [
                added_token(token)
                for token in self.all_special_tokens_extended
                if str(token) not in present
            ]
        )

    @property
    def max_len_single_sentence(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def __call__(
        self,
        text: Text | None = None,
        text_pair: Text | None = None,
        text_target: Text | None = None,
        text_pair_target: Text | None = None,
        add_special_tokens: bool = True,
        padding: bool | str | PaddingStrategy = False,
        truncation: bool | str | TruncationStrategy | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | TensorType | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **kwargs: Unpack[RarerOptions],
    ) -> BatchEncoding:
        """Encode a text, a list of texts, or pairs; ``text_target`` becomes ``labels``.

        Lists of words are given with ``is_split_into_words=True``. Raises `TokenizationError`.
        """
        more = rarer_options(kwargs)
        lengths = {
            "padding": more.get("padding", padding),
            "truncation": more.get("truncation", truncation),
            "max_length": max_length,
            "stride": stride,
            "pad_to_multiple_of": pad_to_multiple_of,
            "padding_side": padding_side,
            "verbose": verbose,
        }
        request = EncodeRequest(
            lengths=self._lengths(**lengths),
            add_special_tokens=add_special_tokens,
            is_split_into_words=is_split_into_words,
            split_special_tokens=more.get("split_special_tokens", self.split_special_tokens),
            token_type_ids=self._wanted("token_type_ids", return_token_type_ids),
            attention_mask=self._wanted("attention_mask", return_attention_mask),
            overflowing_tokens=return_overflowing_tokens,
            special_tokens_mask=return_special_tokens_mask,
            offsets_mapping=return_offsets_mapping,
            length=return_length,
            return_tensors=return_tensors,
        )
        if text is None and text_target is None:
            raise TokenizationError("Give text, text_target or both: there is nothing to encode")
        result = BatchEncoding() if text is None else self._encode(text, text_pair, request)
        if text_target is not None:
            limit = more.get("max_target_length")
            if limit is not None:
                request = request.with_lengths(self._lengths(**{**lengths, "max_length": limit}))
            target = self._encode_target(text_target, text_pair_target, request)
            if text is None:
                result = target
            else:
                result["labels"] = target["input_ids"]
        if max_length is None and verbose:
            encodings = result.encodings or ()
            self._warn_of_length(max((len(encoding) for encoding in encodings), default=0))
        return result

    @classmethod
    def accepts(cls, key: str) -> bool:
        """Return whether a call takes an argument of this name."""
        return key in KEYWORDS

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        return self._encode_with(self._backend, text, text_pair, request)

    def _encode_with(
        self,
        backend: Backend,
        text: Text,
        text_pair: Text | None,
        request: EncodeRequest,
        finish: Callable[[Encoding, Any], Encoding] | None = None,
    ) -> BatchEncoding:
        def pad(encoding: Encoding, length: int) -> None:
            encoding.pad(
                length,
                direction=request.lengths.padding_side,
                pad_id=self.pad_token_id,
                pad_token=self.pad_token,
                pad_type_id=self.pad_token_type_id,
            )

        return encode(backend, text, text_pair, request, self.truncation_side, pad, finish)

    def _encode_target(
        self, text: Text, text_pair: Text | None, request: EncodeRequest
    ) -> BatchEncoding:
        """Encode targets: by default as sources."""
        return self._encode(text, text_pair, request)

    def encode(
        self, text: Text, text_pair: Text | None = None, **kwargs: Unpack[EncodeOptions]
    ) -> Any:
        """Return the token ids of a text or a pair; keywords are those of a call."""
        return self(text, text_pair, **kwargs)["input_ids"]

    def tokenize(
        self, text: Text, pair: Text | None = None, add_special_tokens: bool = False, **kwargs: Any
    ) -> list[str]:
        """Return the tokens of a text; keywords are those of a call."""
        return self(
            text, pair, add_special_tokens=add_special_tokens, verbose=False, **kwargs
        ).tokens()

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[str] | Iterable[list[str]],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[str | AddedToken] | None = None,
        special_tokens_map: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return a tokenizer of the same kind with a vocabulary learnt from texts."""
        names = dict(special_tokens_map or {})
        rust = retrained(
            self._backend.to_json(),
            text_iterator,
            vocab_size,
            length=length,
            new_special_tokens=list(new_special_tokens or ()),
            renamed=names,
            options=kwargs,
        )
        settings = {
            key: value
            for key, value in self.init_kwargs.items()
            if key not in ("added_tokens_decoder", "extra_special_tokens")
        }
        for name, token in self._tokens.items():
            if token is not None:
                settings[name] = renamed_token(token, names)
        extra = [renamed_token(token, names) for token in self._additional]
        settings["additional_special_tokens"] = [*extra, *(new_special_tokens or ())] or None
        return type(self)(tokenizer_object=rust, **settings)

    @classmethod
    @reread_on_change
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *init_inputs: Any, **kwargs: Any
    ) -> Self:
        """Load from a folder, a single vocabulary file, or the hub.

        Keywords are hub options (``revision``, ``token``, ...) and settings that win over files.
        """
        settings = load_settings(cls, pretrained_model_name_or_path, kwargs)
        with located("the tokenizer", os.fspath(pretrained_model_name_or_path)):
            return cls(*init_inputs, **settings)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        save_jinja_files: bool = True,
        repo_id: str | None = None,
        **kwargs: Unpack[PushOptions],
    ) -> tuple[str, ...]:
        """Write the tokenizer's files and return their paths.

        With ``push_to_hub`` they are uploaded to ``repo_id``, by default the folder's name.
        """
        from automodel_core.checkpoint.places.hub.push import push_options, repository_name

        options = push_options(self.save_pretrained, kwargs)
        written = save(self, save_directory, filename_prefix or "", save_jinja_files)
        if push_to_hub:
            self.push_to_hub(repository_name(repo_id, save_directory), **options)
        return written

    @property
    def can_save_slow_tokenizer(self) -> bool:
        """Whether `save_vocabulary` has files to write beside ``tokenizer.json``."""
        return False

    @property
    def saved_class_name(self) -> str:
        """The class name to save, which transformers 4 and 5 both know."""
        return "PreTrainedTokenizerFast"

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write the model's own vocabulary files (as ``vocab.txt``) and return their paths."""
        with self._backend.exclusive() as rust, rust_errors("saving the vocabulary"):
            return tuple(rust.model.save(os.fspath(save_directory), filename_prefix))

    def push_to_hub(self, repo_id: str, **kwargs: Unpack[PushOptions]) -> str:
        """Upload the tokenizer's files to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.hub.model_card import CardFacts, distribution_of
        from automodel_core.checkpoint.places.hub.push import push_options, push_saved

        options = push_options(self.push_to_hub, kwargs)
        own = type(self)
        facts = CardFacts("tokenizer", own.__name__, "AutoTokenizer", distribution_of(own))
        return push_saved(self.save_pretrained, repo_id, facts, options)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_warned_of_length": False}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, "
            f"vocab_size={self.vocab_size}, model_max_length={self.model_max_length}, "
            f"padding_side={self.padding_side!r}, truncation_side={self.truncation_side!r}, "
            f"special_tokens={self.special_tokens_map}, "
            f"added_tokens={len(self.added_tokens_decoder)})"
        )


def _limit(value: Any) -> int:
    if value is None or value == math.inf:
        return NO_LIMIT
    return int(min(checked("model_max_length", value), NO_LIMIT))


PreTrainedTokenizerFast = PreTrainedTokenizer
TokenizersBackend = PreTrainedTokenizer
PreTrainedTokenizerBase = PreTrainedTokenizer
