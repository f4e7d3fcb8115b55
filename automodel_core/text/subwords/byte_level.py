"""Byte-level BPE: UTF-8 bytes joined by learnt merges; a word includes the space before it.

Its files are ``vocab.json`` (piece -> id) and ``merges.txt`` (the pairs to merge, best first), or
``tokenizer.json``, which holds both. See https://arxiv.org/abs/1508.07909.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from automodel_core.errors import CheckpointNotFoundError, TokenizationError, shown
from automodel_core.text.encoding.added_tokens import with_default_tokens
from automodel_core.text.encoding.batch import BatchEncoding
from automodel_core.text.encoding.growth import check_vocabulary
from automodel_core.text.encoding.request import EncodeRequest, Text
from automodel_core.text.encoding.rust import Backend, backend_from, rust_errors
from automodel_core.text.tokenizer.tokenizer import PreTrainedTokenizer

__all__ = ["ByteLevelTokenizer", "FramedByteLevelTokenizer", "Merges", "Pieces", "bpe_model"]

logger = logging.getLogger(__name__)

Pieces = str | os.PathLike[str] | Mapping[str, int]
"""A ``vocab.json``, or its content."""
Merges = str | os.PathLike[str] | Sequence[str | tuple[str, str]]
"""A ``merges.txt``, or its pairs."""


class ByteLevelTokenizer(PreTrainedTokenizer):
    """Byte-level BPE from a vocabulary and merges (paths or values), or ``tokenizer.json``.

    ``add_prefix_space`` adds a space before each text; lists of words need it.
    Without any source the vocabulary holds the class's `default_tokens` alone.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.json",
        "merges_file": "merges.txt",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names: tuple[str, ...] = ("input_ids", "attention_mask")
    default_tokens: ClassVar[Mapping[str, str | AddedToken]] = {}
    """The special tokens of a checkpoint that names no others, in the order of their ids.

    The matching rules of one apply to a checkpoint's token that is a plain text.
    """
    default_prefix_space: ClassVar[bool] = False

    def __init__(
        self,
        vocab: Pieces | None = None,
        merges: Merges | None = None,
        errors: str = "replace",
        add_prefix_space: bool | None = None,
        *,
        vocab_file: str | os.PathLike[str] | None = None,
        merges_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        settings = with_default_tokens(settings, self.default_tokens)
        backend = None if vocab is not None else backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            source = vocab if vocab is not None else vocab_file
            if source is None:
                tokens = dict.fromkeys(str(settings[name]) for name in self.default_tokens)
                source = {token: index for index, token in enumerate(tokens)}
            merges = merges if merges is not None else merges_file
            backend = Backend(self.pipeline(source, merges, str(settings.get("unk_token"))))
        if add_prefix_space is None:
            add_prefix_space = self.default_prefix_space
        super().__init__(
            tokenizer_object=backend, errors=errors, add_prefix_space=add_prefix_space, **settings
        )
        self._add_prefix_space = add_prefix_space
        self._set_prefix_space()

    @classmethod
    def pipeline(cls, vocab: Pieces, merges: Merges | None, unk_token: str) -> Tokenizer:
        """Return the Rust tokenizer of a vocabulary and its merges."""
        rust = Tokenizer(bpe_model(vocab, merges))
        rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        rust.decoder = decoders.ByteLevel()
        return rust

    @property
    def add_prefix_space(self) -> bool:
        return self._add_prefix_space

    @add_prefix_space.setter
    def add_prefix_space(self, value: bool) -> None:
        self._add_prefix_space = self.init_kwargs["add_prefix_space"] = bool(value)
        self._set_prefix_space()

    def _set_prefix_space(self) -> None:
        """Set ``add_prefix_space`` in the steps of the pipeline that have it."""
        with self._backend.exclusive() as rust, rust_errors("setting add_prefix_space"):
            for name in ("pre_tokenizer", "post_processor"):
                step = getattr(rust, name)
                state = {} if step is None else json.loads(step.__getstate__())
                if state.get("add_prefix_space", self._add_prefix_space) != self._add_prefix_space:
                    state["add_prefix_space"] = self._add_prefix_space
                    del state["type"]
                    values = {k: tuple(v) if isinstance(v, list) else v for k, v in state.items()}
                    setattr(rust, name, type(step)(**values))

    def _special_token(self, name: str) -> tuple[str, int]:
        token, index = self.token_named(name), self.id_named(name)
        if token is None or index is None:
            raise TokenizationError(
                f"{type(self).__name__} needs a {name}, which it adds to each text"
            )
        return token, index

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        if request.is_split_into_words and not self._add_prefix_space:
            logger.warning(
                "Words given one by one begin without a space, as within a word: load the "
                "tokenizer with add_prefix_space=True"
            )
        return super()._encode(text, text_pair, request)

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return isinstance(self.backend_tokenizer.model, models.BPE)


class FramedByteLevelTokenizer(ByteLevelTokenizer):
    """Byte-level BPE with special tokens: ``<s> X </s>`` and ``<s> X </s></s> Y </s>``.

    With ``trim_offsets`` the offsets of a word exclude the space before it.
    """

    default_tokens: ClassVar[Mapping[str, str | AddedToken]] = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        # A mask swallows the space before it, as a word does.
        "mask_token": AddedToken("<mask>", lstrip=True, special=True),
        "bos_token": "<s>",
        "eos_token": "</s>",
    }

    def __init__(self, *sources: Any, trim_offsets: bool = True, **settings: Any) -> None:
        self.trim_offsets = trim_offsets
        super().__init__(*sources, trim_offsets=trim_offsets, **settings)
        self.update_post_processor()

    def update_post_processor(self) -> None:
        """Add the special tokens to each text; all have type id 0."""
        sep, cls = self.needed_token("sep_token"), self.needed_token("cls_token")
        spaced = bool(self.init_kwargs["add_prefix_space"])
        with self._backend.exclusive() as rust:
            rust.post_processor = processors.RobertaProcessing(
                sep, cls, trim_offsets=self.trim_offsets, add_prefix_space=spaced
            )

    @property
    def saved_class_name(self) -> str:
        return type(self).__name__


def bpe_model(vocab: Pieces, merges: Merges | None, **options: Any) -> models.BPE:
    """Return the model of a vocabulary and its merges; ``options`` are those of `models.BPE`."""
    if isinstance(vocab, Mapping):
        if isinstance(merges, str | os.PathLike):
            raise TokenizationError("vocab and merges are two files, or two values")
        with rust_errors("building a BPE model"):
            pairs = [_pair(merge) for merge in merges or ()]
            return models.BPE(vocab=dict(vocab), merges=pairs, **options)
    if merges is None:
        raise CheckpointNotFoundError(
            f"{shown(os.fspath(vocab))} holds the pieces and not the merges: "
            "merges.txt is needed too"
        )
    if not isinstance(merges, str | os.PathLike):
        raise TokenizationError("vocab and merges are two files, or two values")
    paths = [os.fspath(path) for path in (vocab, merges)]
    for path in paths:
        if not os.path.isfile(path):
            raise CheckpointNotFoundError(f"There is no vocabulary file {shown(path)}")
    check_vocabulary(Path(paths[0]).read_text(encoding="utf-8", errors="replace"), paths[0])
    with rust_errors(f"reading {shown(paths)}"):
        model: models.BPE = models.BPE.from_file(*paths, **options)
        return model


def _pair(merge: str | tuple[str, str]) -> tuple[str, str]:
    """Return the two pieces of a merge, which a file spells with a space between them."""
    pieces = tuple(merge.split(" ") if isinstance(merge, str) else merge)
    if len(pieces) != 2:
        raise TokenizationError(f"A merge is two pieces, got {shown(merge)}")
    return pieces
