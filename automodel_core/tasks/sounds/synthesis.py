"""``text-to-speech``, ``text-to-audio``: what a text sounds like."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from automodel_core.audio import write_audio
from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["TextToAudioPipeline"]


@runtime_checkable
class NeedsVocoder(Protocol):
    """A model of spectrograms, of which a vocoder makes sound."""

    def load_vocoder(self, name: str = ..., **options: Any) -> Any:
        """Return a vocoder, by default the usual one."""

    def generate(self, input_ids: Tensor, **options: Any) -> Any:
        """Return waveforms; with ``return_output_lengths=True`` the samples of each row, too."""


class TextToAudioPipeline(Pipeline):
    """Returns ``{"audio": samples, "sampling_rate": their number in a second}``.

    The samples are a NumPy array, or a tensor where NumPy is missing. ``forward_params`` and
    ``generate_kwargs`` are arguments of the model, as ``speaker_embeddings``, ``speaker_id`` or
    ``seed``; ``preprocess_params`` those of the tokenizer. ``vocoder`` is a model, its name or its
    folder.
    """

    needs = ("tokenizer",)
    file_suffix = ".wav"

    vocoder: Any
    sampling_rate: int

    def constructed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Load the vocoder that a model of spectrograms needs, and find the rate."""
        options.pop("noise_scheduler", None)  # of models of other libraries
        vocoder, rate = options.pop("vocoder", None), options.pop("sampling_rate", None)
        if isinstance(self.model, NeedsVocoder):
            if vocoder is None:
                vocoder = self.model.load_vocoder()
            elif isinstance(vocoder, str | os.PathLike):
                vocoder = self.model.load_vocoder(os.fspath(vocoder))
        elif vocoder is not None:
            raise InputError(f"{type(self.model).__name__} makes sound itself: leave out vocoder=")
        if isinstance(vocoder, nn.Module):
            vocoder = vocoder.eval().to(self.device)
        self.vocoder = vocoder
        config = self.model.config if vocoder is None else vocoder.config
        found = rate or vars(config).get("sampling_rate")
        if found is None:
            raise InputError(
                f"nothing says at which rate {type(config).__name__} speaks: give sampling_rate="
            )
        self.sampling_rate = found
        return options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Join the arguments of the model; those for ``generate`` come first."""
        forward = dict(options.pop("forward_params", None) or {})
        generation = dict(options.pop("generate_kwargs", None) or {})
        if generation and self.vocoder is None:
            raise InputError(
                f"{type(self.model).__name__} does not generate: give {', '.join(generation)} in "
                "forward_params="
            )
        options["arguments"] = {**forward, **generation}
        return options

    def preprocess(self, item: Any, *, preprocess_params: Mapping[str, Any] | None = None) -> Chunk:
        if not isinstance(item, str):
            raise InputError(f"a text is spoken, got {type(item).__name__}")
        encoded = self.tokenizer(item, return_tensors="pt", **(preprocess_params or {}))
        if not encoded["input_ids"].shape[1]:
            raise InputError(f"nothing of {item!r} can be spoken: the tokenizer leaves nothing")
        return Chunk.of_batch(encoded)

    def forward(
        self, inputs: dict[str, Tensor], *, arguments: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        given = {
            name: value.to(self.device) if isinstance(value, Tensor) else value
            for name, value in (arguments or {}).items()
        }
        if isinstance(self.model, NeedsVocoder):
            more = {"vocoder": self.vocoder, **given, "return_output_lengths": True}
            waveforms, lengths = self.model.generate(**inputs, **more)[:2]
        else:
            output = self.model(**inputs, **given)
            waveforms = self.output(output, "waveform")
            lengths = self.output(output, "sequence_lengths").tolist()
        rows = zip(waveforms, lengths, strict=True)
        return {"audio": [waveform[:length].float() for waveform, length in rows]}

    def postprocess(self, chunks: Sequence[Chunk]) -> dict[str, Any]:
        (chunk,) = chunks
        audio = chunk.outputs["audio"]
        if find_spec("numpy") is not None:
            audio = audio.numpy()
        return {"audio": audio, "sampling_rate": self.sampling_rate}

    def write(self, source: Any, result: Any, place: Path) -> None:
        """Write the sound as a WAV file."""
        write_audio(place, result["audio"], result["sampling_rate"])
