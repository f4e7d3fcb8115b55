"""``document-question-answering``: the answer to a question about a scanned page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.generating import GenerativePipeline
from automodel_core.tasks.base.looking import PicturePipeline
from automodel_core.tasks.base.spans import NO_ANSWER, best_spans, span_probabilities
from automodel_core.tasks.inputs.documents import WORDS_SPAN, given_words, read_words

__all__ = ["DocumentQuestionAnsweringPipeline"]

USUAL_STRIDE = 256
PROMPT = "<s_docvqa><s_question>{}</s_question><s_answer>"
ANSWER = re.compile("<s_answer>(.*)</s_answer>")
FIRST_TAG = re.compile("<.*?>")


class DocumentQuestionAnsweringPipeline(PicturePipeline, GenerativePipeline):
    """Returns answers with score, start and end (numbers of words), ``top_k`` of them.

    An input is a dict of ``question`` and ``image``, and perhaps ``word_boxes``: pairs of a word
    and its box, in thousandths of the page. Without them Tesseract reads the page. A page longer
    than ``max_seq_len`` is read in windows that overlap by ``doc_stride`` tokens. A model that
    writes its answers returns texts without scores.
    """

    needs = ("tokenizer",)
    may_need = ("image_processor",)
    per_token = ("start_logits", "end_logits")
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def arrange(
        self,
        image: Any = None,
        question: Any = None,
        word_boxes: Any = None,
        *args: Any,
        **options: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Make a dict of page, question and words, if they are given apart."""
        if not isinstance(question, str):
            return image, options
        item = {"question": question, "image": image}
        return item if word_boxes is None else {**item, "word_boxes": word_boxes}, options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Check counts."""
        options = {name: value for name, value in options.items() if value is not None}
        for name in ("top_k", "max_answer_len"):
            if options.get(name, 1) < 1:
                raise InputError(f"{name}={options[name]}: expected a whole number from 1 on")
        return options

    @property
    def _writes(self) -> bool:
        """Whether the model writes its answers, from the page's pixels."""
        return self.model.can_generate() and self.model.main_input_name == "pixel_values"

    def preprocess(
        self,
        item: Any,
        *,
        padding: bool | str = False,
        doc_stride: int | None = None,
        max_question_len: int = 64,
        max_seq_len: int | None = None,
        lang: str | None = None,
        tesseract_config: str = "",
        timeout: float | None = None,
    ) -> Iterator[Chunk]:
        if not isinstance(item, Mapping) or not isinstance(item.get("question"), str):
            raise InputError(
                "an input is {'question': ..., 'image': ...}, perhaps with 'word_boxes'; got "
                f"{shown(item)}"
            )
        given = item.get("word_boxes")
        page = None
        if item.get("image") is not None and (given is None or self._writes):
            page = self.seen(item["image"], timeout)
        if self._writes:
            yield self._prompted(item["question"], page)
            return
        if given is not None:
            words, boxes = given_words(given)
        elif page is not None:
            words, boxes = read_words(page, lang=lang, config=tesseract_config)
        else:
            raise InputError("give an image, or word_boxes=: there is nothing to read")
        longest = max_seq_len or self.tokenizer.model_max_length
        stride = min(longest // 2, USUAL_STRIDE) if doc_stride is None else doc_stride
        yield from self._windows(
            item["question"], words, boxes, max_length=longest, stride=stride, padding=padding
        )

    def _prompted(self, question: str, page: Any) -> Chunk:
        """Return page and question for a model that writes its answer."""
        if self.image_processor is None or page is None:
            raise InputError(f"{type(self.model).__name__} needs an image and an image_processor=")
        inputs = self.prepared(page)
        encoded = self.tokenizer(
            PROMPT.format(question), add_special_tokens=False, return_tensors="pt"
        )
        return Chunk.of_batch({**inputs, "decoder_input_ids": encoded["input_ids"]})

    def _windows(
        self, question: str, words: list[str], boxes: list[list[int]], **lengths: Any
    ) -> Iterator[Chunk]:
        """Yield windows of a page's words behind the question, each token with its box."""
        if self.tokenizer.padding_side != "right":
            raise InputError("pages are read with tokenizers that pad on the right")
        if not words:
            raise InputError("there are no words on the page")
        encoding = self.tokenizer(
            [question.split()],
            [words],
            is_split_into_words=True,
            truncation="only_second",
            return_token_type_ids=True,
            return_overflowing_tokens=True,
            **lengths,
        )
        separator, cls = self.tokenizer.sep_token_id, self.tokenizer.cls_token_id
        for row, ids in enumerate(encoding["input_ids"]):
            sequences, places = encoding.sequence_ids(row), encoding.word_ids(row)
            inputs = {
                name: values[row]
                for name, values in encoding.items()
                if name != "overflow_to_sample_mapping"
            }
            inputs["bbox"] = [
                boxes[place] if sequence == 1 else [WORDS_SPAN if token == separator else 0] * 4
                for token, sequence, place in zip(ids, sequences, places, strict=True)
            ]
            allowed = torch.tensor([sequence == 1 for sequence in sequences])
            if cls is not None:
                allowed |= torch.tensor(ids) == cls
            yield Chunk.of(inputs, allowed=allowed, places=places, words=words)

    def forward(self, inputs: dict[str, Any], **settings: Any) -> Mapping[str, Any]:
        if self._writes:
            return {"sequences": self.generate(inputs, settings)["sequences"]}
        outputs = self.model(**inputs)
        return {name: self.output(outputs, name) for name in self.per_token}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        top_k: int = 1,
        handle_impossible_answer: bool = False,
        max_answer_len: int = 15,
    ) -> list[dict[str, Any]]:
        if self._writes:
            return [self._written(sequence) for sequence in chunks[0].outputs["sequences"]][:top_k]
        answers: list[dict[str, Any]] = []
        nothing = NO_ANSWER
        for chunk in chunks:
            places, words = chunk.notes["places"], chunk.notes["words"]
            allowed = chunk.notes["allowed"]
            if "attention_mask" in chunk.inputs:
                allowed = allowed & chunk.inputs["attention_mask"].bool()
            start, end, none = span_probabilities(
                chunk.outputs["start_logits"], chunk.outputs["end_logits"], allowed
            )
            nothing = min(nothing, none)
            for first, last, score in best_spans(start, end, allowed, top_k, max_answer_len):
                begin, stop = places[first], places[last]
                if begin is not None and stop is not None:
                    answer = " ".join(words[begin : stop + 1])
                    answers.append({"score": score, "answer": answer, "start": begin, "end": stop})
        if handle_impossible_answer:
            answers.append({"score": nothing, "answer": "", "start": 0, "end": 0})
        return sorted(answers, key=lambda answer: -answer["score"])[:top_k]

    def _written(self, sequence: torch.Tensor) -> dict[str, Any]:
        """Return the answer in a text that a model wrote, with its tags."""
        text = self.tokenizer.decode(sequence.tolist())
        for token in (self.tokenizer.eos_token, self.tokenizer.pad_token):
            text = text.replace(token or "\0", "")
        found = ANSWER.search(FIRST_TAG.sub("", text, count=1).strip())
        return {"answer": None if found is None else found[1].strip()}

    def painted(self, source: Any, result: Any) -> Any:
        """Return the page of a pair, with the answers below it."""
        return super().painted(source["image"], result)
