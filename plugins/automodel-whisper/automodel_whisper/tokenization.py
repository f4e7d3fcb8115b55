"""Whisper's tokenizer: byte-level BPE behind a language and a task, and times between words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tokenizers.processors import TemplateProcessing

from automodel_core.errors import InputError, TokenizationError, shown
from automodel_core.text import ByteLevelTokenizer
from automodel_whisper.chunks import Heard, merged
from automodel_whisper.languages import LANGUAGES, TASKS, language_code
from automodel_whisper.normalisation import BasicTextNormalizer, EnglishTextNormalizer
from automodel_whisper.timestamps import Timestamps

END = "<|endoftext|>"
START, START_OF_PAST = "<|startoftranscript|>", "<|startofprev|>"
UNTIMED = "<|notimestamps|>"
NORMALISER_FILE = "normalizer.json"
TIME = re.compile(r"<\|(\d+\.\d+)\|>")


class WhisperTokenizer(ByteLevelTokenizer):
    """Byte-level BPE from ``vocab.json`` and ``merges.txt``, or ``tokenizer.json``.

    Texts stand behind the start token, their ``language`` (a code or a name) and ``task`` if these
    are given, and a token that says that there are no times, unless ``predict_timestamps`` is set.
    ``normalizer.json`` holds American spellings by British ones.
    """

    default_tokens: ClassVar = {"unk_token": END, "bos_token": END, "eos_token": END}
    vocab_files_names: ClassVar[dict[str, str]] = {
        **ByteLevelTokenizer.vocab_files_names,
        "normalizer_file": NORMALISER_FILE,
    }

    def __init__(
        self,
        *sources: Any,
        normalizer_file: str | os.PathLike[str] | None = None,
        language: str | None = None,
        task: str | None = None,
        predict_timestamps: bool = False,
        **settings: Any,
    ) -> None:
        self.language: str | None = None
        self.task: str | None = None
        self.predict_timestamps = False
        super().__init__(*sources, **settings)
        self.english_spelling_normalizer: dict[str, str] | None = None
        if normalizer_file is not None:
            content = Path(normalizer_file).read_text(encoding="utf-8")
            self.english_spelling_normalizer = json.loads(content)
        self.set_prefix_tokens(language, task, predict_timestamps)

    # ---- what stands before a text ----

    def set_prefix_tokens(
        self,
        language: str | None = None,
        task: str | None = None,
        predict_timestamps: bool | None = None,
    ) -> None:
        """Change what stands before texts; what is ``None`` stays as it is.

        Raises `InputError` for a language or a task that there is not.
        """
        if task is not None and task not in TASKS:
            raise InputError(f"unknown task {shown(task)}: expected one of {', '.join(TASKS)}")
        if language is not None:
            language_code(language)
            self.language = language.lower()
        self.task = self.task if task is None else task
        if predict_timestamps is not None:
            self.predict_timestamps = predict_timestamps
        named = {
            "language": self.language,
            "task": self.task,
            "predict_timestamps": self.predict_timestamps,
        }
        self.init_kwargs.update({name: value for name, value in named.items() if value})
        self.update_post_processor()

    @property
    def prefix_tokens(self) -> list[int]:
        """The tokens before each text; those that the vocabulary lacks are left out."""
        names = [START]
        if self.language is not None:
            names.append(f"<|{language_code(self.language)}|>")
        if self.task is not None:
            names.append(f"<|{self.task}|>")
        if not self.predict_timestamps:
            names.append(UNTIMED)
        return [i for i in map(self._own_id, names) if i is not None]

    def update_post_processor(self) -> None:
        """Put the prefix before each text, and the end behind it."""
        ids = self.prefix_tokens
        prefix = [str(self.convert_ids_to_tokens(index)) for index in ids]
        end, end_id = self.needed_token("eos_token")
        with self._backend.exclusive() as rust:
            rust.post_processor = TemplateProcessing(
                single=[*prefix, "$A:0", f"{end}:0"],
                pair=[*prefix, "$A:0", "$B:1", f"{end}:1"],
                special_tokens=[(end, end_id), *zip(prefix, ids, strict=True)],
            )

    def get_decoder_prompt_ids(
        self, task: str | None = None, language: str | None = None, no_timestamps: bool = True
    ) -> list[tuple[int, int]]:
        """Return the tokens behind the start token, with their places, for ``forced_decoder_ids``.

        They are also what stands before texts from now on.
        """
        self.set_prefix_tokens(language, task, not no_timestamps)
        return list(enumerate(self.prefix_tokens))[1:]

    def get_prompt_ids(self, text: str, return_tensors: Any = "np") -> Any:
        """Return the ``prompt_ids`` of ``generate`` for a text that is taken to stand before.

        Raises `TokenizationError` for a text with special tokens.
        """
        encoded = self(START_OF_PAST, f" {text.strip()}", add_special_tokens=False)
        first = min(self.all_special_ids)
        special = next((index for index in encoded["input_ids"][1:] if index >= first), None)
        if special is not None:
            raise TokenizationError(
                f"the prompt has the special token {shown(self.convert_ids_to_tokens(special))}"
            )
        return encoded.convert_to_tensors(return_tensors)["input_ids"]

    # ---- tokens to text ----

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        output_offsets: bool = False,
        time_precision: float = 0.02,
        decode_with_timestamps: bool = False,
        normalize: bool = False,
        basic_normalize: bool = False,
        remove_diacritics: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the text of token ids; of several rows, their texts.

        ``skip_special_tokens`` leaves out a prompt, too. ``decode_with_timestamps`` writes times
        as ``<|1.08|>``; ``output_offsets`` returns ``text`` and ``offsets``, the text between two
        times. ``normalize`` (English) and ``basic_normalize`` make texts comparable.
        """
        ids = self._ids(token_ids)
        if ids and isinstance(ids[0], list):
            rows, single = ids, False
        else:
            rows, single = [ids], True
        times = self.timestamps(time_precision)

        def plain(tokens: Sequence[int], skip: bool = skip_special_tokens) -> str:
            text: str = super(WhisperTokenizer, self).decode(
                list(tokens), skip, clean_up_tokenization_spaces
            )
            return text

        found = []
        for row in rows:
            kept = self.without_prompt(row) if skip_special_tokens else row
            text: Any = times.written(kept, plain) if decode_with_timestamps else plain(kept)
            if not decode_with_timestamps:
                if normalize:
                    text = self.normalize(text)
                elif basic_normalize:
                    text = self.basic_normalize(text, remove_diacritics)
                text = TIME.sub("", text)
            if output_offsets:
                offsets = times.offsets(row, lambda tokens: TIME.sub("", plain(tokens, skip=False)))
                text = {"text": text, "offsets": offsets}
            found.append(text)
        return found[0] if single else found

    def batch_decode(self, sequences: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Return the text of each row of token ids, as `decode` does."""
        return [self.decode(row, *args, **kwargs) for row in self._ids(sequences)]

    @staticmethod
    def _ids(token_ids: Any) -> list[Any]:
        """Return ids, or rows of them, as lists."""
        given = token_ids["input_ids"] if isinstance(token_ids, Mapping) else token_ids
        plain = given if isinstance(given, int | list | tuple) else given.tolist()
        if isinstance(plain, int):
            return [plain]
        return [i if isinstance(i, int) else WhisperTokenizer._ids(i) for i in plain]

    def _own_id(self, token: str) -> int | None:
        return self._backend.rust.token_to_id(token)

    def timestamps(self, time_precision: float = 0.02) -> Timestamps:
        """Return the times that tokens stand for, ``time_precision`` seconds one from another."""
        untimed = self._own_id(UNTIMED)
        last = max(self.all_special_ids) if untimed is None else untimed
        return Timestamps(last + 1, time_precision)

    def timestamp_ids(self, time_precision: float = 0.02) -> list[int]:
        """Return the ids of all times, from 0 to 30 seconds."""
        names = [f"<|{place * time_precision:.2f}|>" for place in range(1501)]
        return self.convert_tokens_to_ids(names)

    def without_prompt(self, tokens: Sequence[int]) -> list[int]:
        """Return tokens from the start token on, if a prompt stands before it."""
        tokens = list(tokens)
        if not tokens or tokens[0] != self._own_id(START_OF_PAST):
            return tokens
        start = self._own_id(START)
        return tokens[tokens.index(start) :] if start in tokens else []

    def merge_chunks(
        self,
        outputs: Sequence[Mapping[str, Any]],
        *,
        return_timestamps: bool | str | None = None,
        return_language: bool | None = None,
        time_precision: float = 0.02,
    ) -> tuple[str, dict[str, Any]]:
        """Return the text of recordings that overlap, and their ``chunks`` where these are asked.

        Each output has ``tokens``, ``stride`` (seconds of the whole, and of what it shares with
        the one before and the one behind it), and ``token_timestamps`` for the times of words.
        """
        names = LANGUAGES.items()
        ids = {self._own_id(f"<|{code}|>"): name for code, name in names}
        of_words = return_timestamps == "word"
        heard = [
            Heard(
                self.without_prompt(self._ids(output["tokens"][0])),
                output.get("stride"),
                [float(t) for t in output["token_timestamps"][0]] if of_words else None,
            )
            for output in outputs
        ]
        return merged(
            self,
            heard,
            self.timestamps(time_precision),
            {index: name for index, name in ids.items() if index is not None},
            spoken=self.language,
            return_timestamps=return_timestamps,
            return_language=bool(return_language),
        )

    # ---- texts to compare ----

    def normalize(self, text: str) -> str:
        """Return an English text without case, punctuation and differences of spelling."""
        return EnglishTextNormalizer(self.english_spelling_normalizer)(text)

    @staticmethod
    def basic_normalize(text: str, remove_diacritics: bool = False) -> str:
        """Return a text of any language without case and punctuation."""
        return BasicTextNormalizer(remove_diacritics)(text)

    # ---- files ----

    @property
    def saved_class_name(self) -> str:
        return "WhisperTokenizer"

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        written = super().save_vocabulary(save_directory, filename_prefix)
        if self.english_spelling_normalizer is None:
            return written
        start = f"{filename_prefix}-" if filename_prefix else ""
        path = Path(save_directory) / f"{start}{NORMALISER_FILE}"
        content = json.dumps(
            self.english_spelling_normalizer, indent=2, sort_keys=True, ensure_ascii=False
        )
        path.write_text(f"{content}\n", encoding="utf-8")
        return (*written, str(path))


WhisperTokenizerFast = WhisperTokenizer
