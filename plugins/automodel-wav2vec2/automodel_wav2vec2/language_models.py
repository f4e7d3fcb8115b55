"""CTC with a language model of words, searched for by pyctcdecode.

Needs the extra ``automodel-wav2vec2[lm]``, and kenlm for models of n-grams.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from torch import Tensor

from automodel_core.checkpoint import HubOptions, open_checkpoint
from automodel_core.errors import InputError, MissingExtraError, listed
from automodel_core.modeling import ModelOutput
from automodel_wav2vec2.processing import Wav2Vec2Processor

LANGUAGE_MODEL = "language_model"
"""The folder of the language model beside ``alphabet.json``."""
SETTINGS = ("alpha", "beta", "unk_score_offset", "score_boundary")
"""What a load may set of the language model."""


@dataclass
class Wav2Vec2DecoderWithLMOutput(ModelOutput):
    """Texts with their scores: lists of them for a batch, and for ``n_best`` above 1."""

    text: Any
    logit_score: Any = None
    lm_score: Any = None
    word_offsets: Any = None


class Wav2Vec2ProcessorWithLM(Wav2Vec2Processor):
    """A processor whose ``decode`` takes scores of symbols, and searches for likely words."""

    def __init__(self, feature_extractor: Any, tokenizer: Any, decoder: Any) -> None:
        super().__init__(feature_extractor, tokenizer)
        missing = self.get_missing_alphabet_tokens(decoder, tokenizer)
        if missing:
            raise InputError(
                f"the decoder's alphabet lacks symbols of the tokenizer: {listed(sorted(missing))}"
            )
        self.decoder = decoder

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Wav2Vec2ProcessorWithLM:
        """Load all parts, and the decoder with its language model.

        ``alpha``, ``beta``, ``unk_score_offset`` and ``score_boundary`` set how much that counts.
        """
        settings = {name: kwargs.pop(name) for name in SETTINGS if name in kwargs}
        encoding = kwargs.pop("unigram_encoding", "utf-8")
        options, _ = HubOptions.split(kwargs)
        files = open_checkpoint(pretrained_model_name_or_path, options)
        parts = Wav2Vec2Processor.from_pretrained(pretrained_model_name_or_path, **kwargs)
        alphabet = files.require("alphabet.json")
        inside = files.folder_inside(LANGUAGE_MODEL)
        package = _package()
        if inside is None:  # words are then as likely as their symbols
            letters = import_module("pyctcdecode.alphabet").Alphabet
            decoder = package.BeamSearchDecoderCTC(letters.loads(alphabet.read_text("utf-8")))
        else:
            inside.require_all(tuple(inside.names() or ()))  # so that those of the hub are there
            folder = str(alphabet.parent)
            decoder = package.BeamSearchDecoderCTC.load_from_dir(folder, encoding)
        for name, value in settings.items():
            setattr(decoder.model_container[decoder._model_key], name, value)
        return cls(parts.feature_extractor, parts.tokenizer, decoder)

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *args: Any, **kwargs: Any
    ) -> list[str]:
        """Write the files of all parts, and the decoder's."""
        written = super().save_pretrained(save_directory, *args, **kwargs)
        self.decoder.save_to_dir(os.fspath(save_directory))
        return written

    @property
    def language_model(self) -> Any:
        return self.decoder.model_container[self.decoder._model_key]

    @staticmethod
    def get_missing_alphabet_tokens(decoder: Any, tokenizer: Any) -> set[str]:
        """Return the symbols of a tokenizer that the decoder's alphabet lacks."""
        _package()  # which says what to install
        package = import_module("pyctcdecode.alphabet")

        def label(symbol: str) -> str:
            if package.BLANK_TOKEN_PTN.match(symbol):
                return ""
            if symbol == tokenizer.word_delimiter_token:
                return " "
            return str(package.UNK_TOKEN) if package.UNK_TOKEN_PTN.match(symbol) else symbol

        return {label(symbol) for symbol in tokenizer.get_vocab()} - set(decoder._alphabet.labels)

    def decode(
        self,
        logits: Any,
        *,
        output_word_offsets: bool = False,
        n_best: int = 1,
        hotwords: Iterable[str] | None = None,
        **settings: Any,
    ) -> Wav2Vec2DecoderWithLMOutput:
        """Return the most likely text of scores ``(frames, symbols)``, or the ``n_best``.

        ``settings`` are those of pyctcdecode: ``beam_width``, ``beam_prune_logp``,
        ``token_min_logp``, ``hotword_weight``, and ``alpha``, ``beta``, ``unk_score_offset``,
        ``lm_score_boundary`` of the language model.
        """
        of_model = ("alpha", "beta", "unk_score_offset", "lm_score_boundary")
        self.decoder.reset_params(**{name: settings.pop(name, None) for name in of_model})
        search = {name: value for name, value in settings.items() if value is not None}
        # Frames of -100 are those that a Trainer has padded a batch with.
        scores = _array(logits)
        scores = scores[(scores != -100.0).all(axis=-1)]
        beams = self.decoder.decode_beams(scores, hotwords=hotwords, **search)[:n_best]
        found = {
            "text": [beam[0] for beam in beams],
            "logit_score": [beam[-2] for beam in beams],
            "lm_score": [beam[-1] for beam in beams],
        }
        if output_word_offsets:
            found["word_offsets"] = [_offsets(beam[2]) for beam in beams]
        if n_best == 1:
            found = {name: values[0] for name, values in found.items()}
        return Wav2Vec2DecoderWithLMOutput(**found)

    def batch_decode(self, logits: Any, **settings: Any) -> Any:
        """Return the output of `decode` for rows ``(batch, frames, symbols)``, as lists.

        ``pool`` and ``num_processes`` have no effect: rows are searched one after the other.
        """
        for name in ("pool", "num_processes"):
            settings.pop(name, None)
        results = [self.decode(row, **settings) for row in logits]
        names = results[0] if results else ("text",)
        return Wav2Vec2DecoderWithLMOutput(
            **{name: [result[name] for result in results] for name in names}
        )


def _package() -> Any:
    try:
        return import_module("pyctcdecode")
    except ImportError as error:
        raise MissingExtraError(
            "decoding with a language model needs pyctcdecode: pip install "
            "'automodel-wav2vec2[lm]', and kenlm for models of n-grams"
        ) from error


def _array(logits: Any) -> Any:
    numpy = import_module("numpy")  # which pyctcdecode brings
    return numpy.asarray(logits.detach().float().cpu() if isinstance(logits, Tensor) else logits)


def _offsets(words: Iterable[tuple[str, tuple[int, int]]]) -> list[Mapping[str, Any]]:
    return [
        {"word": word, "start_offset": start, "end_offset": end} for word, (start, end) in words
    ]
