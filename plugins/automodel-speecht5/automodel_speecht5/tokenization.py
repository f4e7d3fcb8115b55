"""SpeechT5's tokenizer: the letters of a text, by SentencePiece."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from automodel_core.errors import TokenizationError
from automodel_core.text import (
    Backend,
    BatchEncoding,
    SentencePieceModel,
    SentencePieceTokenizer,
    Text,
    TokenLike,
    backend_from,
    refuse_sampling,
    rust_errors,
    sentencepiece_pipeline,
)
from automodel_speecht5.numbers import spell_numbers


class SpeechT5Tokenizer(SentencePieceTokenizer):
    """Letters of ``spm_char.model``, then ``</s>``; ``normalize`` spells numbers in English."""

    vocab_files_names: ClassVar[dict[str, str]] = {"vocab_file": "spm_char.model"}
    model_input_names = ("input_ids", "attention_mask")
    encodes_by_backend = False

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        bos_token: TokenLike = "<s>",  # noqa: S107
        eos_token: TokenLike = "</s>",  # noqa: S107
        unk_token: TokenLike = "<unk>",  # noqa: S107
        pad_token: TokenLike = "<pad>",  # noqa: S107
        normalize: bool = False,
        *,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        refuse_sampling(settings)
        backend = backend_from(tokenizer_object, None)
        if backend is None:
            if vocab_file is None:
                raise TokenizationError(
                    "SpeechT5Tokenizer needs vocab_file=, the file spm_char.model"
                )
            backend = Backend(sentencepiece_pipeline(SentencePieceModel.read(vocab_file)))
        super().__init__(
            tokenizer_object=backend,
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            normalize=normalize,
            **settings,
        )
        self.normalize = normalize
        self.vocab_file = None if vocab_file is None else os.fspath(vocab_file)
        self.update_post_processor()

    def may_clean_up(self) -> bool:
        """Clean up as SentencePiece's own tokenizers do, of whatever model."""
        return True

    def update_post_processor(self) -> None:
        """Let texts and pairs of them end with ``eos_token``."""
        eos = str(self.eos_token)
        with self._backend.exclusive() as rust, rust_errors("setting the end of texts"):
            rust.post_processor = TemplateProcessing(
                single=["$A", eos],
                pair=["$A", "$B:0", eos],
                special_tokens=[(eos, self.eos_token_id)],
            )

    def __call__(
        self,
        text: Text | None = None,
        text_pair: Text | None = None,
        text_target: Text | None = None,
        text_pair_target: Text | None = None,
        *arguments: Any,
        normalize: bool | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode a text, a list of texts, or pairs; ``normalize`` is by default the tokenizer's."""
        texts: tuple[Any, ...] = (text, text_pair, text_target, text_pair_target)
        if self.normalize if normalize is None else normalize:
            texts = tuple(map(_with_words, texts))
        return super().__call__(*texts, *arguments, **options)

    @classmethod
    def accepts(cls, key: str) -> bool:
        return key == "normalize" or super().accepts(key)

    @property
    def saved_class_name(self) -> str:
        return "SpeechT5Tokenizer"


def _with_words(given: Any) -> Any:
    """Return a text, or lists of texts, with words for numbers; anything else as it is."""
    if isinstance(given, str):
        return spell_numbers(given)
    return [_with_words(each) for each in given] if isinstance(given, list | tuple) else given
