"""The tokenizers of M2M100 (``__en__ X </s>``) and of NLLB (``eng_Latn X </s>``)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from tokenizers import AddedToken, Tokenizer

from automodel_core.errors import CheckpointNotFoundError, TokenizationError, shown
from automodel_core.families.fairseq import (
    ExternalIdModel,
    ExternalIdTokenizer,
    FairseqTokenizer,
    MultilingualTokenizer,
    read_vocabulary,
    vocabulary_backend,
    vocabulary_json,
)
from automodel_core.fields import Range
from automodel_core.text import (
    SentencePieceModel,
    TokenLike,
    added_token,
    rust_errors,
    sentencepiece_pipeline,
)
from automodel_m2m100.languages import LANGUAGES, NLLB_LANGUAGES

Path = str | os.PathLike[str]


class M2M100Tokenizer(MultilingualTokenizer, ExternalIdTokenizer):
    """Pieces of ``sentencepiece.bpe.model`` by the ids of ``vocab.json``, then the languages.

    ``language_codes`` names their list: ``"m2m100"`` (100) or ``"wmt21"`` (8). The model has
    ``num_madeup_words`` more ids, which mean nothing.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.json",
        "spm_file": "sentencepiece.bpe.model",
    }
    model_input_names = ("input_ids", "attention_mask")
    default_languages = ("en", "ro")

    def __init__(
        self,
        vocab_file: Path | None = None,
        spm_file: Path | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        bos_token: TokenLike = "<s>",  # noqa: S107
        eos_token: TokenLike = "</s>",  # noqa: S107
        sep_token: TokenLike = "</s>",  # noqa: S107
        pad_token: TokenLike = "<pad>",  # noqa: S107
        unk_token: TokenLike = "<unk>",  # noqa: S107
        language_codes: str = "m2m100",
        num_madeup_words: Annotated[int, Range(0, 10_000)] = 8,
        *,
        additional_special_tokens: Sequence[TokenLike] | None = None,
        **settings: Any,
    ) -> None:
        if vocab_file is None or spm_file is None:
            raise CheckpointNotFoundError(
                "M2M100Tokenizer needs vocab.json, the pieces' ids (vocab_file=), and "
                "sentencepiece.bpe.model, which cuts texts (spm_file=)"
            )
        if language_codes not in LANGUAGES:
            raise TokenizationError(
                f"language_codes={shown(language_codes)} is not known; "
                f"it is {' or '.join(map(repr, LANGUAGES))}"
            )
        self.language_codes = language_codes
        self.num_madeup_words = num_madeup_words
        vocabulary = vocabulary_backend(read_vocabulary(vocab_file), str(unk_token))
        tokens = [self._language_token(code) for code in self._language_codes()]
        given = additional_special_tokens or ()
        super().__init__(
            source=ExternalIdModel(SentencePieceModel.read(spm_file), vocabulary, str(unk_token)),
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            bos_token=bos_token,
            eos_token=eos_token,
            sep_token=sep_token,
            pad_token=pad_token,
            unk_token=unk_token,
            language_codes=language_codes,
            num_madeup_words=num_madeup_words,
            additional_special_tokens=[*tokens, *(t for t in given if str(t) not in tokens)],
            **settings,
        )

    def may_clean_up(self) -> bool:
        """Clean up as SentencePiece's own tokenizers do, of whatever model."""
        return True

    def _language_codes(self) -> Sequence[str]:
        return LANGUAGES[self.language_codes]

    def _language_token(self, language: str) -> str:
        return f"__{language}__"

    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        return [language], [str(self.eos_token)]

    def get_lang_token(self, lang: str) -> str:
        """Return the token of a language code."""
        return self._language_token(self._checked_language(lang))

    def get_lang_id(self, lang: str) -> int:
        """Return the id of a language's token, as ``forced_bos_token_id`` takes it."""
        return self._language_id(self._checked_language(lang))

    @property
    def cur_lang_id(self) -> int:
        return self.cur_lang_code

    @property
    def lang_code_to_token(self) -> dict[str, str]:
        return {code: self._language_token(code) for code in self._language_codes()}

    @property
    def lang_token_to_id(self) -> dict[str, int]:
        return {self._language_token(code): index for code, index in self.lang_code_to_id.items()}

    @property
    def id_to_lang_token(self) -> dict[int, str]:
        return {index: token for token, index in self.lang_token_to_id.items()}

    def _files(self) -> dict[str, bytes]:
        pieces, _ = self._models
        contents = (vocabulary_json(pieces.vocabulary), pieces.model.content)
        return dict(zip(self.vocab_files_names.values(), contents, strict=True))


class NllbTokenizer(FairseqTokenizer):
    """202 languages, which are added to the vocabulary.

    With ``legacy_behaviour`` the language follows the text: ``X </s> eng_Latn``.
    """

    language_codes = NLLB_LANGUAGES
    default_languages = ("eng_Latn", "fra_Latn")
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        **FairseqTokenizer.default_tokens,
        "mask_token": AddedToken("<mask>", lstrip=True, normalized=True, special=True),
    }

    def __init__(
        self, vocab: Any = None, *, legacy_behaviour: bool = False, **settings: Any
    ) -> None:
        self.legacy_behaviour = legacy_behaviour
        super().__init__(vocab, legacy_behaviour=legacy_behaviour, **settings)

    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        eos = str(self.eos_token)
        return ([], [eos, language]) if self.legacy_behaviour else ([language], [eos])

    def _with_codes(self, given: Sequence[TokenLike]) -> list[TokenLike]:
        return list(given or self.language_codes)

    def _pipeline(
        self, model: SentencePieceModel, additional: Sequence[TokenLike], mask: TokenLike
    ) -> Tokenizer:
        rust = sentencepiece_pipeline(model)
        with rust_errors("adding languages"):
            rust.add_special_tokens([added_token(token) for token in (*additional, mask)])
        return rust


M2M100TokenizerFast = M2M100Tokenizer
NllbTokenizerFast = NllbTokenizer
