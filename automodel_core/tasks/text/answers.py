"""``question-answering``: the spans of a text that answer a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from automodel_core.errors import InputError, shown, warn_caller
from automodel_core.tasks.base.chunks import Chunk
from automodel_core.tasks.base.pipeline import Pipeline
from automodel_core.tasks.base.spans import NO_ANSWER, best_spans, span_probabilities
from automodel_core.tasks.inputs.series import is_lazy

__all__ = ["QuestionAnsweringPipeline"]

USUAL_LENGTH = 384
USUAL_STRIDE = 128
NOT_FOR_MODELS = ("special_tokens_mask", "offset_mapping", "overflow_to_sample_mapping")


class QuestionAnsweringPipeline(Pipeline):
    """Returns answer, score, start and end (in characters); a list if ``top_k`` is above one.

    An input is a dict of ``question`` and ``context``; both may be keywords of the call, each alone
    or a list. A context longer than ``max_seq_len`` is read in windows that overlap by
    ``doc_stride`` tokens. With ``handle_impossible_answer=True`` an empty answer is one of them.
    """

    needs = ("tokenizer",)
    per_token = ("start_logits", "end_logits")
    tokens = 2048

    def arrange(
        self, *args: Any, question: Any = None, context: Any = None, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Make dicts of questions and contexts, however they are given."""
        for name in ("X", "data"):
            if not args and name in options:
                warn_caller(f"{name}= is the older way: give question= and context=", FutureWarning)
                args = (options.pop(name),)
        if len(args) == 2 and all(isinstance(text, str) for text in args):
            question, context, args = args[0], args[1], ()
        if args:
            inputs: Any = args[0] if len(args) == 1 else list(args)
        elif question is None or context is None:
            raise InputError("give question= and context=, or dicts with these keys")
        else:
            inputs = _paired(question, context)
        if isinstance(inputs, Mapping) or is_lazy(inputs) or not isinstance(inputs, list | tuple):
            return inputs, options
        return inputs[0] if len(inputs) == 1 else list(inputs), options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Translate ``topk``, and check counts."""
        if "topk" in options:
            warn_caller("topk= is called top_k= now", FutureWarning)
            options.setdefault("top_k", options["topk"])
            del options["topk"]
        options = {name: value for name, value in options.items() if value is not None}
        for name in ("top_k", "max_answer_len"):
            if options.get(name, 1) < 1:
                raise InputError(f"{name}={options[name]}: expected a whole number from 1 on")
        return options

    def preprocess(
        self,
        item: Any,
        *,
        padding: bool | str = False,
        doc_stride: int | None = None,
        max_question_len: int = 64,
        max_seq_len: int | None = None,
    ) -> Iterator[Chunk]:
        question, context = _texts(item)
        longest = max_seq_len or min(self.tokenizer.model_max_length, USUAL_LENGTH)
        stride = min(longest // 2, USUAL_STRIDE) if doc_stride is None else doc_stride
        if stride > longest:
            raise InputError(f"doc_stride={stride} is larger than max_seq_len={longest}")
        first = self.tokenizer.padding_side == "right"
        encoding = self.tokenizer(
            [question if first else context],
            [context if first else question],
            padding=padding,
            truncation="only_second" if first else "only_first",
            max_length=longest,
            stride=stride,
            return_token_type_ids=True,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        of_context = 1 if first else 0
        for row in range(len(encoding["input_ids"])):
            named = self.tokenizer.model_input_names
            inputs = {name: encoding[name][row] for name in named if name in encoding}
            allowed = torch.tensor([n == of_context for n in encoding.sequence_ids(row)])
            cls = self.tokenizer.cls_token_id
            if cls is not None:
                allowed |= torch.tensor(inputs["input_ids"]) == cls
            yield Chunk.of(
                inputs, context=context, allowed=allowed, encoding=encoding[row], text=of_context
            )

    def forward(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        outputs = self.model(**inputs)
        return {name: self.output(outputs, name) for name in self.per_token}

    def postprocess(
        self,
        chunks: Sequence[Chunk],
        *,
        top_k: int = 1,
        handle_impossible_answer: bool = False,
        max_answer_len: int = 15,
        align_to_words: bool = True,
    ) -> Any:
        answers: dict[str, dict[str, Any]] = {}
        nothing = NO_ANSWER
        for chunk in chunks:
            allowed = chunk.notes["allowed"]
            if "attention_mask" in chunk.inputs:
                allowed = allowed & chunk.inputs["attention_mask"].bool()
            start, end, none = span_probabilities(
                chunk.outputs["start_logits"], chunk.outputs["end_logits"], allowed
            )
            nothing = min(nothing, none)
            count = top_k * 2 + 10 if align_to_words else top_k
            for first, last, score in best_spans(start, end, allowed, count, max_answer_len):
                begin, stop = _characters(chunk, first, last, align_to_words)
                answer = chunk.notes["context"][begin:stop]
                known = answers.get(answer.lower())
                if known is None:
                    found = {"score": score, "start": begin, "end": stop, "answer": answer}
                    answers[answer.lower()] = found
                else:
                    known["score"] += score
        ranked = list(answers.values())
        if handle_impossible_answer:
            ranked.append({"score": nothing, "start": 0, "end": 0, "answer": ""})
        ranked.sort(key=lambda answer: -answer["score"])
        return ranked[0] if len(ranked[:top_k]) == 1 else ranked[:top_k]


def _paired(question: Any, context: Any) -> list[dict[str, Any]]:
    """Return dicts of questions and contexts; one context may be for all questions."""
    if isinstance(question, str) and isinstance(context, str):
        return [{"question": question, "context": context}]
    if not isinstance(question, list) or not isinstance(context, str | list):
        raise InputError(
            "question= and context= are texts or lists of texts, and several questions may share "
            f"one context; got {type(question).__name__} and {type(context).__name__}"
        )
    contexts = [context] * len(question) if isinstance(context, str) else context
    if len(question) != len(contexts):
        raise InputError(f"there are {len(question)} questions for {len(contexts)} contexts")
    return [{"question": q, "context": c} for q, c in zip(question, contexts, strict=True)]


def _texts(item: Any) -> tuple[str, str]:
    """Return question and context of a dict, or of an object as transformers' ``SquadExample``."""
    if isinstance(item, Mapping):
        values = {name: item.get(name) for name in ("question", "context")}
    else:
        known = vars(item) if isinstance(item, object) and not isinstance(item, str | list) else {}
        values = {name: known.get(f"{name}_text") for name in ("question", "context")}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise InputError(
                f"an input is {{'question': ..., 'context': ...}}, both texts that are not empty; "
                f"the {name} of {shown(item)} is {shown(value)}"
            )
    return str(values["question"]), str(values["context"])


def _characters(chunk: Chunk, first: int, last: int, align_to_words: bool) -> tuple[int, int]:
    """Return the characters of the context that a span of tokens stands for."""
    encoding, text = chunk.notes["encoding"], chunk.notes["text"]
    words = encoding.token_to_word(first), encoding.token_to_word(last)
    if align_to_words and None not in words:
        spans = [encoding.word_to_chars(word, text) for word in words]
        if None not in spans:
            return spans[0][0], spans[1][1]
    return encoding.offsets[first][0], encoding.offsets[last][1]
