"""Marian's tokenizer: two SentencePiece models, one vocabulary or two, ``>>xx<<`` before a text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from tokenizers import Regex, decoders

from automodel_core.errors import CheckpointNotFoundError
from automodel_core.families.fairseq import (
    ExternalIdModel,
    ExternalIdTokenizer,
    read_vocabulary,
    vocabulary_backend,
    vocabulary_json,
)
from automodel_core.text import SPACE, SentencePieceModel, TokenLike

LANGUAGE_CODE = r">>(?:(?!<<)[\s\S])*<<"
"""The target language, which multilingual models read first, as in ``>>fr<<``."""

Path = str | os.PathLike[str]


class MarianTokenizer(ExternalIdTokenizer):
    """Cuts sources by ``source.spm``, targets by ``target.spm``; ``vocab.json`` holds the ids.

    With ``separate_vocabs`` the ids of targets come from ``target_vocab.json``. Punctuation is
    read as it is written: no Moses rules are applied.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "source_spm": "source.spm",
        "target_spm": "target.spm",
        "vocab": "vocab.json",
        "target_vocab_file": "target_vocab.json",
    }
    model_input_names = ("input_ids", "attention_mask")

    def __init__(
        self,
        source_spm: Path | None = None,
        target_spm: Path | None = None,
        vocab: Path | None = None,
        target_vocab_file: Path | None = None,
        source_lang: str | None = None,
        target_lang: str | None = None,
        unk_token: TokenLike = "<unk>",  # noqa: S107
        eos_token: TokenLike = "</s>",  # noqa: S107
        pad_token: TokenLike = "<pad>",  # noqa: S107
        model_max_length: int | None = 512,
        *,
        separate_vocabs: bool = False,
        **settings: Any,
    ) -> None:
        unknown = str(unk_token)
        vocabulary = vocabulary_backend(read_vocabulary(_file("vocab", vocab)), unknown)
        target_vocabulary = vocabulary
        if separate_vocabs:
            target_file = _file("target_vocab_file", target_vocab_file)
            target_vocabulary = vocabulary_backend(read_vocabulary(target_file), unknown)
        models = (
            SentencePieceModel.read(_file("source_spm", source_spm)),
            SentencePieceModel.read(_file("target_spm", target_spm)),
        )
        self.separate_vocabs = separate_vocabs
        self.source_lang = source_lang
        self.target_lang = target_lang
        super().__init__(
            source=ExternalIdModel(models[0], vocabulary, unknown, LANGUAGE_CODE),
            target=ExternalIdModel(models[1], target_vocabulary, unknown, LANGUAGE_CODE),
            unk_token=unk_token,
            eos_token=eos_token,
            pad_token=pad_token,
            model_max_length=model_max_length,
            source_lang=source_lang,
            target_lang=target_lang,
            separate_vocabs=separate_vocabs,
            **settings,
        )

    def add_tokens(
        self, new_tokens: TokenLike | Sequence[TokenLike], special_tokens: bool = False
    ) -> int:
        """Add tokens that the vocabulary lacks, and return how many there were."""
        count = super().add_tokens(new_tokens, special_tokens)
        special = [token.content for token in self.added_tokens_decoder.values() if token.special]
        for model in self._models:
            with model.vocabulary.exclusive() as rust:
                rust.decoder = _decoder(special)
        return count

    def _prefix_and_suffix(self) -> tuple[list[str], list[str]]:
        return [], [str(self.eos_token)]

    @property
    def supported_language_codes(self) -> list[str]:
        """The codes that the vocabulary of both sides has an id for."""
        vocabulary = {} if self.separate_vocabs else self.get_src_vocab()
        codes = (token for token in vocabulary if token.startswith(">>") and token.endswith("<<"))
        return sorted(codes, key=vocabulary.__getitem__)

    def get_src_vocab(self) -> dict[str, int]:
        return self._models[0].vocabulary.rust.get_vocab(with_added_tokens=True)

    def get_tgt_vocab(self) -> dict[str, int]:
        return self._models[1].vocabulary.rust.get_vocab(with_added_tokens=True)

    def _files(self) -> dict[str, bytes]:
        source, target = self._models
        files = {"source.spm": source.model.content, "target.spm": target.model.content}
        files["vocab.json"] = vocabulary_json(source.vocabulary)
        if self.separate_vocabs:
            files["target_vocab.json"] = vocabulary_json(target.vocabulary)
        return files


def _decoder(special: Iterable[str]) -> decoders.Decoder:
    """Return the decoder, which adds a space after special tokens and strips the text."""
    after = "|".join(map(re.escape, special))
    return decoders.Sequence(
        [
            decoders.Metaspace(replacement=SPACE),
            decoders.Fuse(),
            decoders.Replace(Regex(f"(?<={after})(?! )"), " "),
            decoders.Replace(Regex(r"\A\s+|\s+\z"), ""),
        ]
    )


def _file(argument: str, path: Path | None) -> Path:
    if path is None:
        name = MarianTokenizer.vocab_files_names[argument]
        raise CheckpointNotFoundError(f"MarianTokenizer needs {argument}=, the file {name}")
    return path
