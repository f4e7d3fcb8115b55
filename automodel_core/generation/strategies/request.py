"""What a decoding strategy is asked for: the settings of one call of ``generate``, complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from automodel_core.generation.processors.base import LogitsProcessorList
from automodel_core.generation.processors.stopping import StoppingCriteriaList
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["Assistant", "DecodingRequest", "DecodingStrategy"]


@dataclass(frozen=True, kw_only=True)
class Assistant:
    """A model that drafts for another one.

    ``inputs`` are in its own tokens; ``vocabulary`` is the number of tokens of the other model.
    ``num_tokens`` is how many it drafts at once at first, by a ``schedule``; it stops at a token
    that it holds less likely than ``confidence``. Tokenizers are given if they differ: that of the
    other model and its own, and how many tokens of each are cut again where texts meet.
    """

    model: Any
    inputs: DecodingInputs
    vocabulary: int
    num_tokens: int = 20
    schedule: str = "constant"
    confidence: float = 0.0
    tokenizer: Any = None
    own_tokenizer: Any = None
    lookbehind: int = 10
    target_lookbehind: int = 10


@dataclass(frozen=True, kw_only=True)
class DecodingRequest:
    """The settings of one call. ``config`` has every default filled in.

    ``max_length`` counts the prompt. ``eos_token_ids`` may be empty, ``pad_token_id`` is known if
    they are not. A strategy calls ``streamer`` and ``progress``, if there, after every step.
    """

    config: GenerationConfig
    max_length: int
    eos_token_ids: tuple[int, ...] = ()
    pad_token_id: int | None = None
    logits_processor: LogitsProcessorList = field(default_factory=LogitsProcessorList)
    stopping_criteria: StoppingCriteriaList = field(default_factory=StoppingCriteriaList)
    assistant: Assistant | None = None
    streamer: Any = None
    progress: ProgressLine | None = None


DecodingStrategy = Callable[[DecodingSession, DecodingRequest], GenerateOutput]
"""A function that decodes; plugins add more through ``automodel_decoding_strategies``."""
