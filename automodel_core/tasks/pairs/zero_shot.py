"""``zero-shot-image-classification``: which of a caller's labels a picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automodel_core.errors import InputError, shown, warn_caller
from automodel_core.modeling.heads.two_towers import TwoTowerModel
from automodel_core.modeling.losses.contrastive import softmax_contrastive_loss
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.looking import PicturePipeline

__all__ = ["ZeroShotImageClassificationPipeline"]


class ZeroShotImageClassificationPipeline(PicturePipeline):
    """Returns score and label of each of ``candidate_labels``, the likeliest first.

    Each label stands in ``hypothesis_template``. The scores add up to one, unless the model judges
    each label by itself.
    """

    model: Any

    needs = ("tokenizer", "image_processor")

    def arrange(
        self, image: Any = None, candidate_labels: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Take the labels by keyword or as the second argument."""
        if candidate_labels is not None:
            options["candidate_labels"] = candidate_labels
        return super().arrange(image, *args, **options)

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Encode the labels, once for all pictures of a call."""
        labels = options.pop("candidate_labels", None)
        template = options.pop("hypothesis_template", "This is a photo of {}.")
        given = options.pop("tokenizer_kwargs", None)
        if given is not None:
            warn_caller("tokenizer_kwargs= is an older option: set the tokenizer", FutureWarning)
        if labels is None:
            return options
        if isinstance(labels, str):
            labels = [label.strip() for label in labels.split(",") if label.strip()]
        if not labels:
            raise InputError("candidate_labels= has no label: give one at least")
        if template.format(labels[0]) == template:
            raise InputError(
                f"hypothesis_template={shown(template)} has no place for a label: {{}}"
            )
        texts = [template.format(label) for label in labels]
        settings = {**self._lengths(), **(given or {})}
        encoded = self.tokenizer(texts, return_tensors="pt", **settings)
        return {**options, "labels": list(labels), "texts": dict(encoded)}

    @property
    def _judges_alone(self) -> bool:
        """Whether each label is judged by itself: the model was not taught to choose among them."""
        compares = isinstance(self.model, TwoTowerModel)
        return compares and self.model.pair_loss is not softmax_contrastive_loss

    def _lengths(self) -> dict[str, Any]:
        """Return how texts are padded: for labels judged alone as in training, to the limit."""
        if not self._judges_alone:
            return {"padding": True}
        limit = self.model.text_model.config.position_limit
        return {"padding": "max_length", "max_length": limit, "truncation": True}

    def preprocess(self, item: Any, *, timeout: float | None = None) -> Chunk:
        return Chunk.of_batch(self.prepared(self.seen(item, timeout)))

    def forward(
        self, inputs: dict[str, Any], *, texts: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        if texts is None:
            raise InputError("give candidate_labels=: the labels to choose among")
        given = {name: value.to(self.device) for name, value in texts.items()}
        return {"logits": self.output(self.model(**inputs, **given), "logits_per_image")}

    def postprocess(
        self, chunks: Sequence[Chunk], *, labels: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        (chunk,) = chunks
        logits = chunk.outputs["logits"]
        scores = (logits.sigmoid() if self._judges_alone else logits.softmax(dim=-1)).tolist()
        found = [
            {"score": score, "label": label} for score, label in zip(scores, labels, strict=True)
        ]
        return sorted(found, key=lambda one: -one["score"])
