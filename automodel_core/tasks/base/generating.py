"""Pipelines whose models generate: settings of a task, prompts, sequences of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.auto import AutoModelForCausalLM, AutoTokenizer
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel
from automodel_core.outputs import ModelOutput
from automodel_core.tasks.base.pipeline import Pipeline

__all__ = ["GenerativePipeline", "without_padding"]

USUAL_LENGTH = 20
"""The ``max_length`` that stands in old files without being meant."""


OF_SAMPLING = ("temperature",)
"""Settings of tasks that mean nothing where no token is drawn."""


class GenerativePipeline(Pipeline):
    """A pipeline whose `forward` calls ``generate``; its other options are settings of that.

    They come before those that the configuration holds for the task (``task_specific_params``),
    then those of the class, then the model's.
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    """Settings of generation that the task has, whatever the model's are."""

    model: GenerativePreTrainedModel
    prefix: str | None
    """What stands before each text, as the configuration says for the task."""
    generation_config: GenerationConfig

    def constructed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Set the generation config of the task, and load a model that drafts tokens."""
        for_task = dict((self.model.config.task_specific_params or {}).get(self.task) or {})
        prefix = for_task.pop("prefix", self.model.config.prefix)
        self.prefix = options.pop("prefix", prefix)
        if not self.model.can_generate():
            return options
        config = GenerationConfig(**self.defaults)
        own = self.model.generation_config
        if own.max_length not in (None, USUAL_LENGTH):
            config.max_new_tokens = None
        config.update(**for_task)
        if config.max_length is not None and "max_new_tokens" not in for_task:
            config.max_new_tokens = None
        if own.pad_token_id is None and self.tokenizer is not None:
            config.pad_token_id = self.tokenizer.pad_token_id
        self.generation_config = config
        return {**options, **self._assistant(options)}

    def _assistant(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the assistant among the options, loaded if it is named."""
        assistant = options.pop("assistant_model", None)
        tokenizer = options.pop("assistant_tokenizer", None)
        if assistant is None:
            return {}
        if isinstance(assistant, str):
            tokenizer = tokenizer or AutoTokenizer.from_pretrained(assistant)
            assistant = AutoModelForCausalLM.from_pretrained(assistant)
        found: dict[str, Any] = {"assistant_model": assistant.to(self.device)}
        if assistant.config.vocab_size != self.model.config.vocab_size and tokenizer is not None:
            found |= {"tokenizer": self.tokenizer, "assistant_tokenizer": tokenizer}
        return found

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Let what a caller gives hold: no setting of the task is left that it makes void."""
        if "generation_config" in options:
            return options
        if options.get("max_length") is not None:
            options.setdefault("max_new_tokens", None)
        if options.get("do_sample") is False:
            options |= {name: options.get(name) for name in self.defaults if name in OF_SAMPLING}
        return options

    def generate(self, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``sequences`` and what else ``generate`` gives, an entry for each row."""
        rows = next(value.shape[0] for value in inputs.values() if value is not None)
        settings = {"generation_config": self.generation_config, **options}
        output = self.model.generate(**inputs, **settings)
        found = dict(output) if isinstance(output, ModelOutput) else {"sequences": output}
        count = found["sequences"].shape[0]
        results = {}
        for name, value in found.items():
            if isinstance(value, tuple) and value and isinstance(value[0], Tensor):
                value = torch.stack(value, dim=1) if value[0].shape[0] == count else None
            if isinstance(value, Tensor) and value.shape[0] == count:
                results[name] = value.reshape(rows, count // rows, *value.shape[1:])
        return results


def without_padding(rows: Sequence[Tensor], pad: int | None, ends: Any) -> list[Tensor]:
    """Return each row's sequences ``(returns, length)`` as if the row had been alone.

    Columns at the end that hold padding only are there for the longest row. Where texts end with
    the padding token itself, one of them is kept.
    """
    if pad is None or len(rows) == 1:
        return list(rows)
    ended = pad in (ends if isinstance(ends, list | tuple) else [ends])
    lengths = [(row != pad).any(dim=0).nonzero().flatten().tolist() for row in rows]
    return [
        row[:, : meant[-1] + 1 + ended] if meant else row
        for row, meant in zip(rows, lengths, strict=True)
    ]
