"""``visual-question-answering``: the answer to a question about a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.generating import GenerativePipeline
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.base.scores import label_of
from automodel_core.tasks.inputs.series import is_lazy, items_of

__all__ = ["VisualQuestionAnsweringPipeline"]


class VisualQuestionAnsweringPipeline(PicturePipeline, GenerativePipeline):
    """Returns score and answer of the likeliest answers (``top_k``, by default 5).

    An input is a dict of ``image`` and ``question``, or these two: each picture with each question
    if there are several. Of a model that writes its answers, they are texts without scores.
    """

    needs = ("tokenizer", "image_processor")
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def arrange(
        self, image: Any = None, question: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Pair pictures and questions."""
        if question is None:
            return image, options
        many = isinstance(image, list) or is_lazy(image)
        pictures = list(items_of(image)) if many else [image]
        questions = question if isinstance(question, list) else [question]
        pairs = [{"image": one, "question": asked} for asked in questions for one in pictures]
        return pairs if many or isinstance(question, list) else pairs[0], options

    def preprocess(
        self,
        item: Any,
        *,
        padding: Any = False,
        truncation: Any = False,
        timeout: float | None = None,
    ) -> Chunk:
        if not isinstance(item, Mapping) or not {"image", "question"} <= item.keys():
            raise InputError(
                f"an input is {{'image': ..., 'question': ...}}, got {shown(item)}; or give "
                "question= too"
            )
        text = self.tokenizer(
            item["question"], padding=padding, truncation=truncation, return_tensors="pt"
        )
        return Chunk.of_batch({**text, **self.prepared(self.seen(item["image"], timeout))})

    def forward(self, inputs: dict[str, Any], **settings: Any) -> Mapping[str, Any]:
        if self.model.can_generate():
            return {"sequences": self.generate(inputs, settings)["sequences"]}
        return {"logits": self.output(self.model(**inputs), "logits")}

    def postprocess(self, chunks: Sequence[Chunk], *, top_k: int = 5) -> list[dict[str, Any]]:
        (chunk,) = chunks
        if "sequences" in chunk.outputs:
            texts = self.tokenizer.batch_decode(
                chunk.outputs["sequences"].tolist(), skip_special_tokens=True
            )
            return [{"answer": text.strip()} for text in texts]
        scores, answers = (
            chunk.outputs["logits"].sigmoid().topk(min(top_k, self.model.config.num_labels))
        )
        return [
            {"score": score, "answer": label_of(self.model.config, answer)}
            for score, answer in zip(scores.tolist(), answers.tolist(), strict=True)
        ]

    def painted(self, source: Any, result: Any) -> Any:
        """Return the picture of a pair, with the answers below it."""
        return super().painted(source["image"], result)
