"""VITS's tokenizer: letters or sounds of a text, with a blank around each."""

from __future__ import annotations

import logging
import os
import re
from importlib import import_module
from typing import Any, ClassVar

from tokenizers import Tokenizer, models, pre_tokenizers

from automodel_core.errors import MissingExtraError, TokenizationError
from automodel_core.text import BatchEncoding, PreTrainedTokenizer, Text, TokenLike, rust_errors

logger = logging.getLogger("automodel_vits")

BETWEEN = "\U000f0003"
"""Stands between the letters that the Rust library is given; no text holds it."""
BLANK = 0
"""The id of the token around each letter."""


class VitsTokenizer(PreTrainedTokenizer):
    """Letters from ``vocab.json``; serves VITS and the voices of MMS.

    ``add_blank`` puts the token of id 0 around each letter. ``normalize`` lowers letters that the
    vocabulary has in lower case only, and drops those that it lacks. ``phonemize`` spells English
    by its sounds, and needs phonemizer; ``is_uroman`` spells other scripts in Roman letters, if
    uroman is installed.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {"vocab_file": "vocab.json"}
    model_input_names = ("input_ids", "attention_mask")
    encodes_by_backend = False

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        pad_token: TokenLike = "<pad>",  # noqa: S107
        unk_token: TokenLike = "<unk>",  # noqa: S107
        language: str | None = None,
        add_blank: bool = True,
        normalize: bool = True,
        phonemize: bool = True,
        is_uroman: bool = False,
        **settings: Any,
    ) -> None:
        if vocab_file is None:
            raise TokenizationError("VitsTokenizer needs vocab_file=, the file vocab.json")
        with rust_errors(f"reading the vocabulary {os.fspath(vocab_file)!r}"):
            rust = Tokenizer(models.WordLevel.from_file(os.fspath(vocab_file), str(unk_token)))
            rust.pre_tokenizer = pre_tokenizers.Split(BETWEEN, "removed")
        self.language = language
        self.add_blank = add_blank
        self.normalize = normalize
        self.phonemize = phonemize
        self.is_uroman = is_uroman
        super().__init__(
            tokenizer_object=rust,
            pad_token=pad_token,
            unk_token=unk_token,
            language=language,
            add_blank=add_blank,
            normalize=normalize,
            phonemize=phonemize,
            is_uroman=is_uroman,
            **settings,
        )

    def __call__(
        self,
        text: Text | None = None,
        text_pair: Text | None = None,
        text_target: Text | None = None,
        text_pair_target: Text | None = None,
        *arguments: Any,
        normalize: bool | None = None,
        is_split_into_words: bool = False,
        **options: Any,
    ) -> BatchEncoding:
        """Encode a text, a list of texts, or pairs; ``normalize`` is by default the tokenizer's."""
        split = bool(options.get("split_special_tokens", self.split_special_tokens))

        def ready(given: Any) -> Any:
            if isinstance(given, str):
                return BETWEEN.join(self._letters(given, normalize, split))
            if not isinstance(given, list | tuple):
                return given
            parts = [ready(part) for part in given]
            if is_split_into_words and all(isinstance(part, str) for part in given):
                return BETWEEN.join(filter(None, parts))
            return parts

        texts = (text, text_pair, text_target, text_pair_target)
        return super().__call__(*map(ready, texts), *arguments, **options)

    @classmethod
    def accepts(cls, key: str) -> bool:
        return key == "normalize" or super().accepts(key)

    def normalize_text(self, input_string: str) -> str:
        """Return a text in lower case, but for tokens of the vocabulary that are not."""
        tokens = (re.escape(token) for token in self._known_tokens() if token)
        kept = re.compile("|".join(tokens) or r"(?!)")
        lowered, end = [], 0
        for match in kept.finditer(input_string):
            lowered += [*map(str.lower, input_string[end : match.start()]), match.group()]
            end = match.end()
        return "".join([*lowered, *map(str.lower, input_string[end:])])

    def prepare_for_tokenization(
        self,
        text: str,
        is_split_into_words: bool = False,
        normalize: bool | None = None,
        **kwargs: Any,
    ) -> tuple[str, dict[str, Any]]:
        """Return a text as it is cut into letters, and the arguments that are not used here."""
        lower = self.normalize if normalize is None else normalize
        if lower:
            text = self.normalize_text(text)
        if self.language == "ron":
            text = text.replace("ț", "ţ")  # the letter that the voice was trained with
        if self.is_uroman and not text.isascii():
            text = _romanised(text)
        if self.phonemize:
            text = _phonemes(text)
        elif lower:
            known = self._backend.rust.get_vocab(with_added_tokens=False)
            text = "".join(letter for letter in text if letter in known).strip()
        return text, kwargs

    def _known_tokens(self) -> list[str]:
        """Return the tokens of the vocabulary by their ids, then those that were added."""
        ids = self._backend.rust.get_vocab(with_added_tokens=False)
        return [*sorted(ids, key=ids.__getitem__), *self.added_tokens_encoder]

    def _letters(self, text: str, normalize: bool | None, split_special: bool) -> list[str]:
        """Return the tokens of a text: letters between blanks, and added tokens as they are."""
        text, _ = self.prepare_for_tokenization(text, normalize=normalize)
        known = self._backend.rust.get_vocab(with_added_tokens=True)
        added = () if split_special else self.added_tokens_encoder
        blank, unknown = self._backend.rust.id_to_token(BLANK), str(self.unk_token)
        pattern = "|".join(re.escape(token) for token in sorted(added, key=len, reverse=True))
        tokens: list[str] = []
        for part in re.split(f"({pattern})", text) if pattern else [text]:
            if part in added:
                tokens.append(part)
                continue
            letters = [letter if letter in known else unknown for letter in part]
            if self.add_blank and (letters or split_special):
                letters = [blank, *(each for letter in letters for each in (letter, blank))]
            tokens += letters
        return tokens

    def texts_of(self, rows: list[list[int]], skip_special_tokens: bool) -> list[str]:
        """Return the texts of rows of ids, without the blanks."""
        tokens: list[Any] = [self.convert_ids_to_tokens(row, skip_special_tokens) for row in rows]
        return [self.convert_tokens_to_string(filter(None, row)) for row in tokens]

    def convert_tokens_to_string(self, tokens: Any) -> str:
        """Return tokens as a text, of which blanks are no part."""
        tokens = list(tokens)
        return "".join(tokens[1::2] if self.add_blank and len(tokens) > 1 else tokens)

    @property
    def can_save_slow_tokenizer(self) -> bool:
        return True

    @property
    def saved_class_name(self) -> str:
        return "VitsTokenizer"


def _romanised(text: str) -> str:
    """Return a text in Roman letters, or as it is where uroman is missing."""
    try:
        uroman: Any = import_module("uroman")
    except ImportError:
        logger.warning(
            "The text has letters outside of ASCII, which this voice reads in Roman ones only: "
            "pip install automodel-vits[uroman], or romanise texts before"
        )
        return text
    romanised: str = uroman.Uroman().romanize_string(text)
    return romanised


def _phonemes(text: str) -> str:
    """Return the sounds of an English text in the International Phonetic Alphabet."""
    try:
        phonemizer: Any = import_module("phonemizer")
    except ImportError as error:
        raise MissingExtraError(
            "This voice reads sounds, not letters: pip install automodel-vits[phonemes], and "
            "espeak-ng by the system's packages; or load the tokenizer with phonemize=False and "
            "give it sounds"
        ) from error
    sounds: str = phonemizer.phonemize(
        text,
        language="en-us",
        backend="espeak",
        strip=True,
        preserve_punctuation=True,
        with_stress=True,
    )
    return re.sub(r"\s+", " ", sounds)
