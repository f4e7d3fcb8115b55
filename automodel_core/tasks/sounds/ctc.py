"""Text of symbols that a model scores for each frame (CTC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk

__all__ = ["CTCRecogniser"]

TIMES = ("char", "word")


class CTCRecogniser:
    """Makes text of the likeliest symbols, or of words that a ``decoder`` finds likely."""

    def __init__(self, model: Any, feature_extractor: Any, tokenizer: Any, decoder: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.decoder = decoder
        self.step: int = model.config.inputs_to_logits_ratio
        """Samples from the beginning of one frame to that of the next."""
        self.sampling_rate: int = feature_extractor.sampling_rate

    def extraction(self, samples: int) -> dict[str, Any]:
        """Return how a recording of so many samples is prepared: as any."""
        return {}

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise `InputError` for times that there are none of."""
        if options.get("return_language"):
            raise InputError("a CTC model hears no language: leave out return_language")
        times = options.get("return_timestamps")
        if times and times not in TIMES:
            raise InputError(
                f"return_timestamps={shown(times)} is not served by a CTC model: it is 'char' or "
                "'word'"
            )
        if times == "char" and self.decoder is not None:
            raise InputError("with a language model, times are those of words: 'word'")

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        """Return the scores of a batch, or no more than the likeliest symbols."""
        logits: Tensor = self.model(**inputs).logits
        return {"frames": logits.argmax(-1) if self.decoder is None else logits.float()}

    def text(
        self, chunks: Sequence[Chunk], times: str | bool | None, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the text of a recording's chunks, with times in seconds if they are asked for."""
        frames = torch.cat(
            [chunk.outputs["frames"][chunk.notes["span"].frames(self.step)] for chunk in chunks]
        )
        if self.decoder is not None:
            return self._searched(frames, bool(times), settings)
        if not times:
            return {"text": self.tokenizer.decode(frames)}
        found = self.tokenizer.decode(
            frames, output_char_offsets=times == "char", output_word_offsets=times == "word"
        )
        return {"text": found.text, "chunks": self._timed(times, found[f"{times}_offsets"])}

    def _searched(self, frames: Tensor, timed: bool, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the text that a beam search of pyctcdecode finds the likeliest."""
        best = self.decoder.decode_beams(frames.numpy(), **settings)[0]
        if not timed:
            return {"text": best[0]}
        words = [
            {"word": word, "start_offset": start, "end_offset": end}
            for word, (start, end) in best[2]
        ]
        return {"text": best[0], "chunks": self._timed("word", words)}

    def _timed(self, name: Any, offsets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "text": each[name],
                "timestamp": tuple(
                    each[side] * self.step / self.sampling_rate
                    for side in ("start_offset", "end_offset")
                ),
            }
            for each in offsets
        ]
