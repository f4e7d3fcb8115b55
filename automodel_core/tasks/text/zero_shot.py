"""``zero-shot-classification``: which of a caller's labels a text entails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from automodel_core.errors import AutomodelError, InputError, shown, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.text.encoding.lengths import NO_LIMIT

__all__ = ["ZeroShotClassificationPipeline"]

logger = logging.getLogger(__name__)


class ZeroShotClassificationPipeline(Pipeline):
    """Returns labels and scores, the likeliest first, of ``candidate_labels``.

    The model says whether a text entails ``hypothesis_template`` with a label in it. The scores of
    a text's labels add up to one; with ``multi_label=True`` each label is judged by itself.
    """

    needs = ("tokenizer",)
    tokens = 2048

    @property
    def entailment_id(self) -> int:
        """The class that means that a hypothesis follows, or -1."""
        found = (
            index
            for label, index in self.model.config.label2id.items()
            if label.lower().startswith("entail")
        )
        return next(found, -1)

    def constructed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Warn of a model whose labels do not say which of them is entailment."""
        if self.entailment_id == -1:
            logger.warning(
                "None of the model's labels begins with 'entail'; the last is taken for it."
            )
        return options

    def arrange(
        self, sequences: Any = None, candidate_labels: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Take the labels by keyword or as the second argument."""
        if candidate_labels is not None:
            options["candidate_labels"] = candidate_labels
        return sequences, options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Split labels at commas, and translate ``multi_class``."""
        labels = options.get("candidate_labels")
        if isinstance(labels, str):
            parts = (label.strip() for label in labels.split(","))
            options["candidate_labels"] = [label for label in parts if label]
        if options.get("multi_class") is not None:
            warn_caller("multi_class= is called multi_label= now", FutureWarning)
            options["multi_label"] = options["multi_class"]
        options.pop("multi_class", None)
        return options

    def preprocess(
        self,
        item: Any,
        *,
        candidate_labels: Sequence[str] | None = None,
        hypothesis_template: str = "This example is {}.",
    ) -> Iterator[Chunk]:
        if not candidate_labels:
            raise InputError("candidate_labels= has no label: give one at least")
        if not isinstance(item, str) or not item:
            raise InputError(f"a text is a string that is not empty, got {shown(item)}")
        if hypothesis_template.format(candidate_labels[0]) == hypothesis_template:
            raise InputError(
                f"hypothesis_template={shown(hypothesis_template)} has no place for a label: {{}}"
            )
        for label in candidate_labels:
            yield Chunk.of(
                self._encoded(item, hypothesis_template.format(label)), label=label, text=item
            )

    def _encoded(self, text: str, hypothesis: str) -> Mapping[str, Any]:
        """Encode a pair, truncating the text; a hypothesis alone too long is left whole."""
        encode: Callable[..., Mapping[str, Any]] = self.tokenizer
        limited = self.tokenizer.model_max_length < NO_LIMIT
        try:
            return encode(text, hypothesis, truncation="only_first" if limited else False)
        except AutomodelError:
            return encode(text, hypothesis, truncation=False)

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return {"logits": self.output(self.model(**inputs), "logits")}

    def postprocess(self, chunks: Sequence[Chunk], *, multi_label: bool = False) -> dict[str, Any]:
        logits = torch.stack([chunk.outputs["logits"] for chunk in chunks])
        labels = [chunk.notes["label"] for chunk in chunks]
        entailment = self.entailment_id
        if multi_label or len(labels) == 1:
            contradiction = -1 if entailment == 0 else 0
            scores = logits[:, [contradiction, entailment]].softmax(dim=-1)[:, 1]
        else:
            scores = logits[:, entailment].softmax(dim=-1)
        order = scores.argsort().flip(0).tolist()
        return {
            "sequence": chunks[0].notes["text"],
            "labels": [labels[index] for index in order],
            "scores": scores[order].tolist(),
        }
