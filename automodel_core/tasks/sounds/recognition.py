"""``automatic-speech-recognition``: the text of what is said, and when.

How a model's outputs become text is the matter of a recogniser: `CTCRecogniser` for scores of
symbols, `WritingRecogniser` for tokens that the model writes. A recording may be longer than a
model hears at once: it is heard in chunks that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.generating import GenerativePipeline
from automodel_core.tasks.sounds.ctc import CTCRecogniser
from automodel_core.tasks.sounds.hearing import SoundPipeline
from automodel_core.tasks.sounds.spans import Span, chunk_spans, given_span
from automodel_core.tasks.sounds.writing import WritingRecogniser

__all__ = ["AutomaticSpeechRecognitionPipeline"]


OWN = frozenset(
    {
        "chunk_length_s", "decoder_kwargs", "return_language", "return_timestamps",
        "stride_length_s", "timeout",
    }
)  # fmt: skip
"""The options of the pipeline; others are settings of a model that writes."""


class AutomaticSpeechRecognitionPipeline(SoundPipeline, GenerativePipeline):
    """Returns ``text`` and, with ``return_timestamps``, ``chunks`` with their times in seconds.

    ``chunk_length_s`` cuts long recordings into chunks that overlap by ``stride_length_s`` on each
    side, one number or two, by default a sixth. ``decoder`` is a beam search of pyctcdecode, by
    default that of the processor, if it has one. Further keys of an input that is a dict come back
    with its answer. A model that writes hears long recordings to their end by itself, if it can;
    settings of its ``generate`` are given as ``generate_kwargs`` or as themselves, and
    ``return_language`` names the language of each chunk.
    """

    needs: ClassVar[tuple[str, ...]] = ("feature_extractor", "tokenizer")
    may_need: ClassVar[tuple[str, ...]] = ("processor",)
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "num_beams": 5}

    def __init__(self, model: Any, *args: Any, decoder: Any = None, **kwargs: Any) -> None:
        self.decoder = decoder
        super().__init__(model, *args, **kwargs)
        if self.decoder is None and self.processor is not None:
            self.decoder = vars(self.processor).get("decoder")

    @property
    def recogniser(self) -> CTCRecogniser | WritingRecogniser:
        """What makes text of the model's outputs."""
        if self.model.can_generate():
            parts = self.model, self.feature_extractor, self.tokenizer
            return WritingRecogniser(*parts, self.generation_config)
        return CTCRecogniser(self.model, self.feature_extractor, self.tokenizer, self.decoder)

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Check which times are asked for, and join the settings of generation."""
        options.pop("ignore_warning", None)
        self.recogniser.check(options)
        if self.model.can_generate():
            given = {name: options.pop(name) for name in options.keys() - OWN}
            settings = {**(given.pop("generate_kwargs", None) or {}), **given}
            options["settings"] = super().settled(settings)
        return options

    def preprocess(
        self,
        item: Any,
        *,
        chunk_length_s: float | None = None,
        stride_length_s: float | Sequence[float] | None = None,
        timeout: float | None = None,
    ) -> Iterator[Chunk]:
        waveform = self.heard(item, timeout)
        if not len(waveform):
            raise InputError("the recording is empty: there is nothing to hear")
        further = further_keys(item)
        for span in self.spans(item, waveform, chunk_length_s, stride_length_s):
            part = waveform[span.begin : span.end]
            how = self.recogniser.extraction(len(part))
            inputs = self.prepared(part, return_attention_mask=True, **how)
            yield Chunk.of_batch(inputs, span=span, further=further)

    def spans(
        self,
        item: Any,
        waveform: Tensor,
        chunk_length_s: float | None,
        stride_length_s: float | Sequence[float] | None,
    ) -> Sequence[Span]:
        """Return the parts of a recording that are heard one by one."""
        if chunk_length_s:
            seconds = chunk_length_s, stride_length_s
            return chunk_spans(len(waveform), seconds, self.sampling_rate, self.recogniser.step)
        return [given_span(item, waveform, self.sampling_rate)]

    def forward(
        self,
        inputs: dict[str, Any],
        *,
        settings: Mapping[str, Any] | None = None,
        return_timestamps: str | bool | None = None,
        return_language: bool | None = None,
    ) -> Mapping[str, Any]:
        recogniser = self.recogniser
        if isinstance(recogniser, CTCRecogniser):
            return recogniser.forward(inputs)
        return recogniser.forward(inputs, settings or {}, return_timestamps, return_language)

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        return_timestamps: str | bool | None = None,
        return_language: bool | None = None,
        decoder_kwargs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        recogniser = self.recogniser
        if isinstance(recogniser, CTCRecogniser):
            found = recogniser.text(chunks, return_timestamps, decoder_kwargs or {})
        else:
            found = recogniser.text(chunks, return_timestamps, return_language)
        further = chunks[0].notes["further"]
        return {**found, **{key: [value] * len(chunks) for key, value in further.items()}}


KNOWN = ("raw", "array", "sampling_rate", "bytes", "path", "stride")


def further_keys(item: Any) -> dict[str, Any]:
    """Return what an input that is a dict holds beside its sound."""
    if not isinstance(item, Mapping):
        return {}
    return {key: value for key, value in item.items() if key not in KNOWN}
