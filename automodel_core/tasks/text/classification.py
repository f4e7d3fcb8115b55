"""``text-classification``: a class, or a score, for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.errors import InputError, shown, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.tasks.base.scores import activated, function_named, ranked

__all__ = ["TextClassificationPipeline"]


class TextClassificationPipeline(Pipeline):
    """Returns label and score of the likeliest class; with ``top_k``, a list of that many.

    A pair is a dict, ``{"text": ..., "text_pair": ...}``. Options that are not named here go to the
    tokenizer, such as ``truncation=True``.
    """

    needs = ("tokenizer",)
    tokens = 2048

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Answer one text or pair, a list of them, or those of a generator or dataset."""
        result = super().__call__(*args, **kwargs)
        alone = bool(args) and isinstance(args[0], str) and "top_k" not in kwargs
        return [result] if alone else result

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Translate ``return_all_scores``, and name the function."""
        every = options.pop("return_all_scores", None)
        if every is not None and "top_k" not in options:
            warn_caller(
                "return_all_scores= is the older name: top_k=None returns all scores, top_k=1 one",
                FutureWarning,
            )
            options["every"] = bool(every)
        if "function_to_apply" in options:
            options["function_to_apply"] = function_named(options["function_to_apply"])
        return options

    def preprocess(self, item: Any, **tokenizer_options: Any) -> Chunk:
        if isinstance(item, Mapping):
            return Chunk.of(self.tokenizer(**item, **tokenizer_options))
        if isinstance(item, list) and len(item) == 1 and isinstance(item[0], list):
            first, second = item[0]
            return Chunk.of(self.tokenizer(first, second, **tokenizer_options))
        if not isinstance(item, str):
            raise InputError(
                f"a text is a string, and a pair of them {{'text': ..., 'text_pair': ...}}; got "
                f"{type(item).__name__} {shown(item)}"
            )
        return Chunk.of(self.tokenizer(item, **tokenizer_options))

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"logits": self.output(self.model(**inputs), "logits")}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        function_to_apply: str | None = None,
        top_k: int | str | None = "",
        every: bool = False,
    ) -> Any:
        (chunk,) = chunks
        config = self.model.config
        scores = activated(chunk.outputs["logits"], function_to_apply, config, numbers=True)
        if top_k is None or isinstance(top_k, int):
            return ranked(scores, config, top_k)
        if every:
            found = ranked(scores, config)
            order = {label: index for index, label in config.id2label.items()}
            return sorted(found, key=lambda one: order.get(one["label"], 0))
        return ranked(scores, config, 1)[0]
