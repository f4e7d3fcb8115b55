"""Text that a model writes of what it hears, token by token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk

__all__ = ["WritingRecogniser", "joined_tokens"]


@runtime_checkable
class MergesChunks(Protocol):
    """A tokenizer whose tokens tell times, by which what overlaps is joined."""

    def merge_chunks(
        self, outputs: Sequence[Mapping[str, Any]], **options: Any
    ) -> tuple[str, dict[str, Any]]: ...


@runtime_checkable
class HearsWindows(Protocol):
    """A feature extractor of models that hear so many samples at once, and more in turn."""

    @property
    def n_samples(self) -> int: ...


class WritingRecogniser:
    """Makes text of tokens that a model generates, with times where tokens tell them.

    ``config`` are the settings of generation.
    """

    step: int = 1

    def __init__(self, model: Any, feature_extractor: Any, tokenizer: Any, config: Any) -> None:
        self.model = model
        self.feature_extractor = feature_extractor
        self.tokenizer = tokenizer
        self.config = config

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise `InputError` for times, or a language, that the model does not write."""
        times, language = options.get("return_timestamps"), options.get("return_language")
        tells = isinstance(self.tokenizer, MergesChunks)
        if (times or language) and not tells:
            name = "return_timestamps" if times else "return_language"
            raise InputError(f"{type(self.model).__name__} writes no times and no language: {name}")
        if times not in (None, False, True, "word"):
            raise InputError(
                f"return_timestamps={shown(times)} is not served by {type(self.model).__name__}: "
                "it is True, for sentences, or 'word'"
            )

    def extraction(self, samples: int) -> dict[str, Any]:
        """Return how a recording of so many samples is prepared, that nothing of it is lost."""
        hears = self.feature_extractor
        if isinstance(hears, HearsWindows) and samples > hears.n_samples:
            return {"truncation": False, "padding": "longest"}
        return {}

    def forward(
        self,
        inputs: Mapping[str, Any],
        settings: Mapping[str, Any],
        times: str | bool | None = None,
        language: bool | None = None,
    ) -> dict[str, Any]:
        """Return ``tokens`` of each row and, as asked, when they end and which language it is."""
        more: dict[str, Any] = {"return_timestamps": True} if times else {}
        if times == "word":
            more |= {"return_token_timestamps": True}
        if times == "word" or language:
            more |= {"return_segments": True}
        given = {"generation_config": self.config, **settings, **more}
        output = self.model.generate(**inputs, **given)
        if isinstance(output, Tensor):
            return {"tokens": list(output)}
        found = {"tokens": list(output["sequences"])}
        if times == "word":
            found["ends"] = [_ends(row) for row in output["segments"]]
        if language:
            known = set(vars(self.model.generation_config).get("lang_to_id", {}).values())
            found["languages"] = [_language(row, known) for row in output["segments"]]
        return found

    def text(
        self, chunks: Sequence[Chunk], times: str | bool | None, language: bool | None = None
    ) -> dict[str, Any]:
        """Return the text of a recording's chunks, and its own chunks if they are asked for."""
        if not isinstance(self.tokenizer, MergesChunks):
            tokens = joined_tokens([c.outputs["tokens"] for c in chunks], self.tokenizer)
            return {"text": self.tokenizer.decode(tokens, skip_special_tokens=True)}
        outputs = [self._heard(chunk, alone=len(chunks) == 1) for chunk in chunks]
        window = self.feature_extractor.n_samples / self.feature_extractor.sampling_rate
        text, more = self.tokenizer.merge_chunks(
            outputs,
            return_timestamps=times,
            return_language=language,
            time_precision=window / self.model.config.max_source_positions,
        )
        return {"text": text, **more}

    def _heard(self, chunk: Chunk, *, alone: bool) -> dict[str, Any]:
        """Return what a chunk says as tokenizers merge it: tokens, their ends, and its stride."""
        tokens, ends = chunk.outputs["tokens"], chunk.outputs.get("ends")
        spoken = chunk.outputs.get("languages")
        if spoken is not None and len(spoken):
            tokens = torch.cat([spoken.to(tokens), tokens])
            ends = None if ends is None else torch.cat([ends.new_zeros(1), ends])
        heard: dict[str, Any] = {"tokens": tokens[None]}
        if ends is not None:
            missing = len(tokens) - len(ends)
            heard["token_timestamps"] = torch.nn.functional.pad(ends, (0, missing))[None]
        span, rate = chunk.notes["span"], self.feature_extractor.sampling_rate
        if not alone or span.left or span.right:
            samples = span.end - span.begin, span.left, span.right
            heard["stride"] = tuple(count / rate for count in samples)
        return heard


def _ends(segments: Sequence[Mapping[str, Any]]) -> Tensor:
    """Return the seconds at which the tokens of a row's segments end."""
    parts = [segment["token_timestamps"].float() for segment in segments]
    return torch.cat([torch.zeros(0), *parts])


def _language(segments: Sequence[Mapping[str, Any]], known: set[int]) -> Tensor:
    """Return the token of the language that a row was heard in, or none."""
    if not segments:
        return torch.zeros(0, dtype=torch.long)
    result = segments[0]["result"]
    sequence = (result if isinstance(result, Tensor) else result["sequences"]).tolist()
    return torch.tensor([token for token in sequence if token in known][:1], dtype=torch.long)


def joined_tokens(parts: Sequence[Tensor], tokenizer: Any) -> list[int]:
    """Return the tokens of parts that overlap, which the end of one tells from the next."""
    special = set(tokenizer.all_special_ids)
    rows = [[token for token in part.tolist() if token not in special] for part in parts]
    whole = list(rows[0])
    for row in rows[1:]:
        best, entry = 0.0, 0
        for length in range(1, min(len(row), len(whole)) + 1):
            pairs = zip(whole[-length:], row[:length], strict=True)
            same = sum(left == right for left, right in pairs)
            score = same / length + length / 10_000  # long matches are worth a little more
            if same > 1 and score > best:
                best, entry = score, length
        whole += row[entry:]
    return whole
