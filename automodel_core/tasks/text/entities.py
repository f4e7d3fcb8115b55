"""``token-classification``: the entities that a text names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Any

from tokenizers import models

from automodel_core.errors import InputError, shown, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.tasks.base.scores import label_of
from automodel_core.tasks.text.grouping import STRATEGIES, ScoredToken, grouped, without_overlaps
from automodel_core.text.encoding.lengths import NO_LIMIT

__all__ = ["TokenClassificationPipeline"]

NOT_FOR_MODELS = ("special_tokens_mask", "offset_mapping", "overflow_to_sample_mapping")


@dataclass(frozen=True)
class WithOffsets:
    """A text, and the characters that each of its tokens stands for, as the caller says."""

    text: Any
    offsets: Sequence[tuple[int, int]]


class TokenClassificationPipeline(Pipeline):
    """Returns the entities of a text, those labelled ``O`` left out.

    ``aggregation_strategy`` says what an entity is: a token (``none``), neighbouring tokens of one
    kind (``simple``), or words (``first``, ``average``, ``max``). ``stride`` reads a text that is
    longer than the model in windows that overlap by so many tokens.
    """

    needs = ("tokenizer",)
    per_token = ("logits",)
    tokens = 2048

    def arrange(self, inputs: Any = None, *args: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Take a list of words as one input, and give each text its offsets."""
        if isinstance(inputs, list | tuple):
            inputs = list(inputs)
            if not inputs:
                raise InputError("there is no text to read: give one at least")
        split = options.get("is_split_into_words", self._given.get("is_split_into_words"))
        if split and isinstance(inputs, list) and not all(isinstance(i, list) for i in inputs):
            inputs = [inputs]
        offsets = options.pop("offset_mapping", None)
        if not offsets:
            return inputs, options
        texts = inputs if isinstance(inputs, list) else [inputs]
        several = [offsets] if isinstance(offsets[0], tuple) else offsets
        if len(several) != len(texts):
            raise InputError(
                f"offset_mapping= is for {len(several)} texts, and {len(texts)} are given"
            )
        paired: list[Any] = [WithOffsets(*pair) for pair in zip(texts, several, strict=True)]
        return paired if isinstance(inputs, list) else paired[0], options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Choose the strategy, by its older names too, and check it against ``stride``."""
        groups, subwords = (
            options.pop(name, None) for name in ("grouped_entities", "ignore_subwords")
        )
        if groups is not None or subwords is not None:
            strategy = ("first" if subwords else "simple") if groups else "none"
            options["aggregation_strategy"] = strategy
            warn_caller(
                "grouped_entities= and ignore_subwords= are older names for "
                f"aggregation_strategy={strategy!r}",
                FutureWarning,
            )
        given = options.get("aggregation_strategy") or "none"
        strategy = str(given.value if isinstance(given, Enum) else given).lower()
        if strategy not in STRATEGIES:
            raise InputError(
                f"aggregation_strategy={shown(given)} is not known; it is one of "
                f"{', '.join(STRATEGIES)}"
            )
        if strategy in STRATEGIES[2:] and not self._marks_continuations:
            warn_caller("the tokenizer does not say where words begin; they are told by the spaces")
        options["aggregation_strategy"] = strategy
        if options.get("stride") is not None:
            self._check_stride(options["stride"], strategy)
        return options

    def _check_stride(self, stride: int, strategy: str) -> None:
        if stride >= self.tokenizer.model_max_length:
            raise InputError(
                f"stride={stride} must be below the tokenizer's model_max_length, "
                f"{self.tokenizer.model_max_length}"
            )
        if strategy == "none":
            raise InputError(
                "stride= reads a text in windows, whose entities overlap: choose an "
                f"aggregation_strategy= that joins them, one of {', '.join(STRATEGIES[1:])}"
            )

    @property
    def _marks_continuations(self) -> bool:
        """Whether a token's text says that it goes on with the word before, as ``##ing`` does."""
        model = self.tokenizer.backend_tokenizer.model
        marks = isinstance(model, models.WordPiece | models.BPE)
        return marks and bool(model.continuing_subword_prefix)

    def preprocess(
        self,
        item: Any,
        *,
        is_split_into_words: bool = False,
        delimiter: str | None = " ",
        stride: int | None = None,
    ) -> Iterator[Chunk]:
        offsets = None
        if isinstance(item, WithOffsets):
            item, offsets = item.text, item.offsets
        starts: list[int] | None = None
        text = item
        if is_split_into_words:
            if not isinstance(item, list):
                raise InputError("with is_split_into_words=True a text is a list of words")
            between = " " if delimiter is None else delimiter
            text = between.join(item)
            starts = list(accumulate((len(word) + len(between) for word in item), initial=0))
        elif not isinstance(item, str):
            raise InputError(
                f"a text is a string, got {type(item).__name__}; words are given with "
                "is_split_into_words=True"
            )
        windows: dict[str, Any] = (
            {} if stride is None else {"return_overflowing_tokens": True, "stride": stride}
        )
        encoding = self.tokenizer(
            [item],
            is_split_into_words=is_split_into_words,
            truncation=self.tokenizer.model_max_length < NO_LIMIT,
            return_special_tokens_mask=True,
            return_offsets_mapping=True,
            **windows,
        )
        for row in range(len(encoding["input_ids"])):
            inputs = {k: v[row] for k, v in encoding.items() if k not in NOT_FOR_MODELS}
            spans = encoding["offset_mapping"][row] if offsets is None else offsets
            if starts is not None:
                spans = _moved(spans, encoding.word_ids(row), starts)
            special = encoding["special_tokens_mask"][row]
            yield Chunk.of(inputs, text=text, spans=spans, special=special)

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"logits": self.output(self.model(**inputs), "logits")}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        aggregation_strategy: str = "none",
        ignore_labels: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        ignored = ["O"] if ignore_labels is None else ignore_labels
        found = [
            entity
            for chunk in chunks
            for entity in grouped(
                list(self._tokens(chunk)),
                aggregation_strategy,
                lambda index: label_of(self.model.config, index),
                self.tokenizer.convert_tokens_to_string,
            )
            if entity.get("entity") not in ignored and entity.get("entity_group") not in ignored
        ]
        return without_overlaps(found) if len(chunks) > 1 else found

    def _tokens(self, chunk: Chunk) -> Iterator[ScoredToken]:
        """Yield the tokens of a chunk that are no special ones."""
        text: str = chunk.notes["text"]
        ids = chunk.inputs["input_ids"].tolist()
        scores = chunk.outputs["logits"].softmax(dim=-1)
        marks = self._marks_continuations
        for index, special in enumerate(chunk.notes["special"]):
            if special:
                continue
            start, end = chunk.notes["spans"][index]
            written = text[start:end]
            word = str(self.tokenizer.convert_ids_to_tokens(ids[index]))
            if marks:
                continues = len(word) != len(written)
            else:
                continues = start > 0 and " " not in text[start - 1 : start + 1]
            if ids[index] == self.tokenizer.unk_token_id:
                word, continues = written, False
            yield ScoredToken(word, scores[index], start, end, index, continues)


def _moved(
    spans: Sequence[tuple[int, int]], words: Sequence[int | None], starts: Sequence[int]
) -> list[tuple[int, int]]:
    """Return spans of characters within words as spans of the words joined."""
    return [
        (start, end) if word is None else (start + starts[word], end + starts[word])
        for (start, end), word in zip(spans, words, strict=True)
    ]
