"""What a decoding strategy is asked for: the settings of one call of ``generate``, complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from automodel_core.generation.config import GenerationConfig
from automodel_core.generation.logits_processors import LogitsProcessorList
from automodel_core.generation.outputs import GenerateOutput
from automodel_core.generation.progress import ProgressLine
from automodel_core.generation.session import DecodingSession
from automodel_core.generation.stopping import StoppingCriteriaList

__all__ = ["DecodingRequest", "DecodingStrategy"]


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
    streamer: Any = None
    progress: ProgressLine | None = None


DecodingStrategy = Callable[[DecodingSession, DecodingRequest], GenerateOutput]
"""A function that decodes; plugins add more through ``automodel_decoding_strategies``."""
