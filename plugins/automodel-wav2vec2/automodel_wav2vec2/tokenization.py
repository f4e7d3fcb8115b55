"""The tokenizer of speech models: characters, and the text that symbols of frames spell."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from automodel_core.errors import (
    CheckpointFormatError,
    InputError,
    TokenizationError,
    listed,
    shown,
)
from automodel_core.modeling import ModelOutput
from automodel_core.text import (
    Backend,
    BatchEncoding,
    EncodeRequest,
    PreTrainedTokenizer,
    Text,
    TimedText,
    rust_errors,
    timed_symbols,
    timed_words,
)

Offsets = list[dict[str, Any]]
DEFAULTS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
}


@dataclass
class Wav2Vec2CTCTokenizerOutput(ModelOutput):
    """A text, or those of a batch, with the frames that its characters and words lie in."""

    text: Any
    char_offsets: Any = None
    word_offsets: Any = None


class Wav2Vec2CTCTokenizer(PreTrainedTokenizer):
    """Characters by ``vocab.json`` (a path or a dict of ids), spaces as ``word_delimiter_token``.

    The padding token is the blank of CTC. ``do_lower_case`` reads lower case as upper case, and
    writes it back. A vocabulary with one for each language needs ``target_lang``.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {"vocab_file": "vocab.json"}
    encodes_by_backend = False

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        word_delimiter_token: str = "|",  # noqa: S107
        replace_word_delimiter_char: str = " ",
        do_lower_case: bool = False,
        target_lang: str | None = None,
        **settings: Any,
    ) -> None:
        if vocab_file is None:
            raise TokenizationError("Wav2Vec2CTCTokenizer needs a vocab_file (vocab.json)")
        self.nested_vocab = dict(
            vocab_file if isinstance(vocab_file, Mapping) else _read_vocabulary(vocab_file)
        )
        self.word_delimiter_token = str(word_delimiter_token)
        self.replace_word_delimiter_char = replace_word_delimiter_char
        self.do_lower_case = do_lower_case
        self.target_lang = target_lang
        settings = {**DEFAULTS, **settings}
        super().__init__(
            tokenizer_object=self._characters(str(settings["unk_token"])),
            replace_word_delimiter_char=replace_word_delimiter_char,
            do_lower_case=do_lower_case,
            target_lang=target_lang,
            **settings,
        )
        self.init_kwargs["word_delimiter_token"] = self.word_delimiter_token
        self._keep_whole()

    @property
    def languages(self) -> list[str]:
        """The languages that have a vocabulary of their own; none, if there is one for all."""
        return [key for key, ids in self.nested_vocab.items() if isinstance(ids, Mapping)]

    def set_target_lang(self, target_lang: str) -> None:
        """Use the vocabulary of a language."""
        if not self.languages:
            raise TokenizationError("this tokenizer has one vocabulary, and not one a language")
        before, self.target_lang = self.target_lang, target_lang
        try:
            self._backend = self._characters(str(self.unk_token))
        except TokenizationError:
            self.target_lang = before
            raise
        self.init_kwargs["target_lang"] = target_lang
        self.add_tokens(list(self.all_special_tokens_extended), special_tokens=True)
        self._keep_whole()

    @property
    def symbols(self) -> dict[str, int]:
        """The ids of the vocabulary in use."""
        languages = self.languages
        if not languages and self.target_lang is None:
            return dict(self.nested_vocab)
        if self.target_lang not in languages:
            raise TokenizationError(
                f"target_lang={shown(self.target_lang)} has no vocabulary here; languages are "
                f"{listed(languages) or 'none'}"
            )
        return dict(self.nested_vocab[self.target_lang])

    def _characters(self, unk_token: str) -> Backend:
        """Return a pipeline that cuts a text into characters."""
        with rust_errors(f"building {type(self).__name__}"):
            rust = Tokenizer(models.WordLevel(self.symbols, unk_token=unk_token))
            rust.normalizer = normalizers.Replace(" ", self.word_delimiter_token)
            rust.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
            rust.decoder = decoders.Fuse()
        return Backend(rust)

    def _keep_whole(self) -> None:
        """Let symbols of several characters be found in texts, with the spaces around them."""
        self.add_tokens(
            [
                AddedToken(symbol, lstrip=True, rstrip=True, normalized=False)
                for symbol in self.symbols
                if len(symbol) > 1
            ]
        )

    @property
    def word_delimiter_token_id(self) -> int | None:
        return self.convert_tokens_to_ids(self.word_delimiter_token)

    # ---- texts to ids ----

    def _encode(self, text: Text, text_pair: Text | None, request: EncodeRequest) -> BatchEncoding:
        if self.do_lower_case:
            text, text_pair = self._upper(text), self._upper(text_pair)
        return super()._encode(text, text_pair, request)

    def tokenize(
        self, text: Text, pair: Text | None = None, add_special_tokens: bool = False, **kwargs: Any
    ) -> list[str]:
        """Return the symbols of a text; keywords are those of a call."""
        encoded = self(text, pair, add_special_tokens=add_special_tokens, verbose=False, **kwargs)
        ids: list[int] = encoded["input_ids"]
        symbols: list[str] = self.convert_ids_to_tokens(ids)
        return symbols

    def _upper(self, text: Any) -> Any:
        """Return texts in upper case, but for added tokens, whose case counts."""
        if isinstance(text, list | tuple):
            return [self._upper(each) for each in text]
        if not isinstance(text, str):
            return text
        added = "|".join(map(re.escape, self.added_tokens_encoder)) or "(?!)"
        parts = re.split(f"({added})", text)
        return "".join(part if i % 2 else part.upper() for i, part in enumerate(parts))

    # ---- ids to texts ----

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        output_char_offsets: bool = False,
        output_word_offsets: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the text that the symbols of frames spell; of several rows, their texts.

        ``group_tokens=False`` keeps equal neighbours apart, as of labels;
        ``spaces_between_special_tokens=True`` writes a space behind each symbol. With offsets the
        result has ``text``, ``char_offsets`` and ``word_offsets``, whose ``start_offset`` and
        ``end_offset`` are in frames.
        """
        ids = self._rows(token_ids)
        options = {
            "skip_special_tokens": skip_special_tokens,
            "clean_up_tokenization_spaces": clean_up_tokenization_spaces,
            "output_char_offsets": output_char_offsets,
            "output_word_offsets": output_word_offsets,
            **kwargs,
        }
        if ids and isinstance(ids[0], list):
            return self.batch_decode(ids, **options)
        return self._spelled(ids, **options)

    def batch_decode(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the texts of rows of ids; with offsets, one output that holds lists."""
        results = [self.decode(row, *args, **kwargs) for row in sequences]
        if not results or isinstance(results[0], str):
            return results
        return Wav2Vec2CTCTokenizerOutput(
            **{name: [result[name] for result in results] for name in results[0]}
        )

    @staticmethod
    def _rows(token_ids: Any) -> list[Any]:
        if isinstance(token_ids, Mapping):
            token_ids = token_ids["input_ids"]
        ids = token_ids if isinstance(token_ids, int | list | tuple) else token_ids.tolist()
        return (
            [ids]
            if isinstance(ids, int)
            else [each if isinstance(each, int | list) else each.tolist() for each in ids]
        )

    def _spelled(
        self,
        ids: list[int],
        *,
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool | None,
        output_char_offsets: bool,
        output_word_offsets: bool,
        group_tokens: bool = True,
        spaces_between_special_tokens: bool = False,
    ) -> Any:
        delimiter, space = self.word_delimiter_token, self.replace_word_delimiter_char
        symbols = [symbol or self.unk_token for symbol in self.convert_ids_to_tokens(ids)]
        if skip_special_tokens:
            skipped = set(self.all_special_tokens) - {delimiter}
            symbols = [symbol for symbol in symbols if symbol not in skipped]
        found = timed_symbols(symbols, self.pad_token, merged=group_tokens)
        found = [
            TimedText(space if each.text == delimiter else each.text, each.start, each.end)
            for each in found
        ]
        text = (" " if spaces_between_special_tokens else "").join(each.text for each in found)
        text = text.strip()
        if self.do_lower_case:
            text = text.lower()
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        if clean_up_tokenization_spaces:
            text = self.clean_up_tokenization(text)
        if not (output_char_offsets or output_word_offsets):
            return text
        words = timed_words(found, space) if output_word_offsets else None
        return Wav2Vec2CTCTokenizerOutput(
            text=text,
            char_offsets=_offsets("char", found) if output_char_offsets else None,
            word_offsets=None if words is None else _offsets("word", words),
        )

    def convert_tokens_to_string(self, tokens: Any) -> str:
        """Return the text that symbols of frames spell."""
        ids = self.convert_tokens_to_ids(list(tokens))
        text: str = self.decode(ids, clean_up_tokenization_spaces=False)
        return text

    # ---- files ----

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return True

    @property
    def saved_class_name(self) -> str:
        return "Wav2Vec2CTCTokenizer"

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write ``vocab.json``, with the vocabularies of all languages."""
        name = self.vocab_files_names["vocab_file"]
        path = Path(save_directory, f"{filename_prefix}-{name}" if filename_prefix else name)
        content = json.dumps(self.nested_vocab, indent=2, sort_keys=True, ensure_ascii=False)
        path.write_text(content + "\n", encoding="utf-8")
        return (str(path),)


def _offsets(name: str, found: list[TimedText]) -> Offsets:
    return [{name: each.text, "start_offset": each.start, "end_offset": each.end} for each in found]


def _read_vocabulary(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the ids of symbols, or those of each language."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the vocabulary {shown(os.fspath(path))} cannot be read") from error
    except ValueError as error:
        raise CheckpointFormatError(f"{shown(os.fspath(path))} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointFormatError(f"{shown(os.fspath(path))} must hold an object of ids")
    return content
