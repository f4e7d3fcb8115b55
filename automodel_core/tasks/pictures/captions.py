"""``image-to-text``: what a picture shows, or says, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automodel_core.errors import InputError
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.generating import GenerativePipeline, without_padding
from automodel_core.tasks.base.looking import PicturePipeline

__all__ = ["ImageToTextPipeline"]


class ImageToTextPipeline(PicturePipeline, GenerativePipeline):
    """Returns ``[{"generated_text": ...}]``.

    Settings of ``generate`` are given as ``generate_kwargs``; ``max_new_tokens`` may stand for
    itself. ``prompt`` is what the text begins with.
    """

    needs = ("tokenizer", "image_processor")
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Join the settings of generation, each given once."""
        given = dict(options.pop("generate_kwargs", None) or {})
        for name in ("max_new_tokens", "assistant_model", "assistant_tokenizer", "tokenizer"):
            value = options.pop(name, None)
            if value is not None and name in given:
                raise InputError(f"{name} is given twice, as itself and in generate_kwargs=")
            if value is not None:
                given[name] = value
        options["settings"] = super().settled(given)
        return options

    def preprocess(
        self, item: Any, *, prompt: str | None = None, timeout: float | None = None
    ) -> Chunk:
        inputs = self.prepared(self.seen(item, timeout))
        if prompt is not None:
            encoded = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
            begins = self.model.config.is_encoder_decoder
            inputs["decoder_input_ids" if begins else "input_ids"] = encoded["input_ids"]
        return Chunk.of_batch(inputs)

    def forward(
        self, inputs: dict[str, Any], *, settings: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        found = self.generate(inputs, settings or {})
        ends = self.model.generation_config.eos_token_id
        pad = self.tokenizer.pad_token_id
        return {"sequences": without_padding(list(found["sequences"]), pad, ends)}

    def postprocess(self, chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
        (chunk,) = chunks
        return [
            {"generated_text": self.tokenizer.decode(sequence, skip_special_tokens=True)}
            for sequence in chunk.outputs["sequences"].tolist()
        ]
