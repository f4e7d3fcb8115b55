"""SigLIP's tokenizer: a SentencePiece vocabulary of texts without case and punctuation."""

from __future__ import annotations

import os
import re
import string
from typing import Any, ClassVar

from tokenizers import AddedToken, Regex, Tokenizer, normalizers
from tokenizers.processors import TemplateProcessing

from automodel_core.errors import TokenizationError
from automodel_core.text import (
    SPACE,
    Backend,
    SentencePieceModel,
    SentencePieceTokenizer,
    backend_from,
    refuse_sampling,
    rust_errors,
    sentencepiece_pipeline,
)

SPACES = r"\s\x{1c}-\x{1f}\x{85}"
FINAL_SIGMA = Regex(r"(?<=\p{L})Σ(?!\p{L})")
LONGEST = 64


class SiglipTokenizer(SentencePieceTokenizer):
    """Unigram from ``spiece.model``: ``X </s>``, and ``A </s> B </s>``.

    Texts are lower-cased unless ``do_lower_case`` is false. The model was trained on texts of
    ``model_max_length`` tokens, padded by ``</s>``: ask for ``padding="max_length"``.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "spiece.model",
        "tokenizer_file": "tokenizer.json",
    }
    model_input_names = ("input_ids", "attention_mask")

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        eos_token: str | AddedToken = "</s>",  # noqa: S107
        unk_token: str | AddedToken = "<unk>",  # noqa: S107
        pad_token: str | AddedToken = "</s>",  # noqa: S107
        *,
        do_lower_case: bool = True,
        model_max_length: int = LONGEST,
        tokenizer_file: str | os.PathLike[str] | None = None,
        tokenizer_object: Tokenizer | Backend | None = None,
        **settings: Any,
    ) -> None:
        refuse_sampling(settings)
        backend = backend_from(tokenizer_object, tokenizer_file)
        if backend is None:
            if vocab_file is None:
                raise TokenizationError(
                    "SiglipTokenizer is made of a spiece.model or tokenizer.json: give vocab_file "
                    "or tokenizer_file"
                )
            backend = Backend(_pipeline(SentencePieceModel.read(vocab_file), do_lower_case))
        super().__init__(
            tokenizer_object=backend,
            eos_token=_stripping(eos_token),
            unk_token=_stripping(unk_token),
            pad_token=_stripping(pad_token),
            do_lower_case=do_lower_case,
            model_max_length=model_max_length,
            **settings,
        )
        self.do_lower_case = do_lower_case
        self.vocab_file = None if vocab_file is None else os.fspath(vocab_file)
        eos = str(self.eos_token)
        with self._backend.exclusive() as shared, rust_errors("setting the template"):
            shared.post_processor = TemplateProcessing(
                single=["$A", eos],
                pair=["$A", eos, "$B", eos],
                special_tokens=[(eos, self.eos_token_id)],
            )

    @property
    def saved_class_name(self) -> str:
        return "SiglipTokenizer"


def _stripping(token: str | AddedToken) -> AddedToken:
    """Return a special token that swallows the spaces beside it."""
    if isinstance(token, AddedToken):
        return token
    return AddedToken(token, lstrip=True, rstrip=True, normalized=False, special=True)


def _pipeline(model: SentencePieceModel, do_lower_case: bool) -> Tokenizer:
    """Return the tokenizer of a model, which sees no punctuation and single spaces."""
    rust = sentencepiece_pipeline(model, prepend="first")
    marks = re.escape(string.punctuation)
    # Python's lower case knows where a word ends, which the library's does not.
    lower = [normalizers.Replace(FINAL_SIGMA, "ς"), normalizers.Lowercase()]
    steps = [
        *(lower if do_lower_case else []),
        # A text that begins with a mark begins a word all the same, as does what begins with one
        # behind a special token, which a text hardly has.
        normalizers.Replace(Regex(rf"\A[{marks}{SPACES}]+"), SPACE),
        normalizers.Replace(Regex(f"[{marks}]"), ""),
        normalizers.Replace(Regex(f"[{SPACES}]+"), " "),
        *([] if rust.normalizer is None else [rust.normalizer]),
    ]
    with rust_errors("building SigLIP's tokenizer"):
        rust.normalizer = normalizers.Sequence(steps)
    return rust
