"""``automatic-speech-recognition``: the text of what is said, and when.

How a model's outputs become text is the matter of a `Recogniser`: `CTCRecogniser` for scores of
symbols. A recording may be longer than a model hears at once: it is heard in chunks that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.sounds.ctc import CTCRecogniser
from automodel_core.tasks.sounds.hearing import SoundPipeline
from automodel_core.tasks.sounds.spans import Span, chunk_spans, given_span

__all__ = ["AutomaticSpeechRecognitionPipeline"]


class AutomaticSpeechRecognitionPipeline(SoundPipeline):
    """Returns ``text`` and, with ``return_timestamps``, ``chunks`` with their times in seconds.

    ``chunk_length_s`` cuts long recordings into chunks that overlap by ``stride_length_s`` on each
    side, one number or two, by default a sixth. ``decoder`` is a beam search of pyctcdecode, by
    default that of the processor, if it has one. Further keys of an input that is a dict come back
    with its answer.
    """

    needs: ClassVar[tuple[str, ...]] = ("feature_extractor", "tokenizer")
    may_need: ClassVar[tuple[str, ...]] = ("processor",)

    def __init__(self, model: Any, *args: Any, decoder: Any = None, **kwargs: Any) -> None:
        self.decoder = decoder
        super().__init__(model, *args, **kwargs)
        if self.decoder is None and self.processor is not None:
            self.decoder = vars(self.processor).get("decoder")

    @property
    def recogniser(self) -> CTCRecogniser:
        """What makes text of the model's outputs."""
        return CTCRecogniser(self.model, self.feature_extractor, self.tokenizer, self.decoder)

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Check which times are asked for."""
        self.recogniser.check(options)
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
            inputs = self.prepared(waveform[span.begin : span.end], return_attention_mask=True)
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

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return self.recogniser.forward(inputs)

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        return_timestamps: str | bool | None = None,
        decoder_kwargs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        found = self.recogniser.text(chunks, return_timestamps, decoder_kwargs or {})
        further = chunks[0].notes["further"]
        return {**found, **{key: [value] * len(chunks) for key, value in further.items()}}


KNOWN = ("raw", "array", "sampling_rate", "bytes", "path", "stride")


def further_keys(item: Any) -> dict[str, Any]:
    """Return what an input that is a dict holds beside its sound."""
    if not isinstance(item, Mapping):
        return {}
    return {key: value for key, value in item.items() if key not in KNOWN}
