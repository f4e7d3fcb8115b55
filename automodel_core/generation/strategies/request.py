"""The request to a decoding strategy: the settings and parts of one call of ``generate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from automodel_core.generation.processors.base import LogitsProcessorList
from automodel_core.generation.processors.stopping import StoppingCriteriaList
from automodel_core.generation.session.inputs import DecodingInputs
from automodel_core.generation.session.outputs import GenerateOutput
from automodel_core.generation.session.progress import ProgressLine
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.generation.session.session import DecodingSession
from automodel_core.generation.session.streamers import Streamer
from automodel_core.generation.settings.generation import GenerationConfig

__all__ = ["Assistant", "DecodingRequest", "DecodingStrategy"]


@dataclass(frozen=True, kw_only=True)
class Assistant:
    """A model that drafts for another one, the target.

    ``inputs`` are in its own tokens; ``vocabulary`` is the number of the target's tokens. It drafts
    ``num_tokens`` at once at first, then by a ``schedule``, and stops after a token less likely
    than ``confidence``. If the tokenizers differ, both are given, the target's as ``tokenizer``;
    then ``lookbehind`` of its own tokens and ``target_lookbehind`` of the target's are encoded
    again at the boundary of new text.
    """

    model: GenerativeModel
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
    """The settings and parts of one call. ``config`` has every default filled in.

    ``max_length`` counts the prompt. ``eos_token_ids`` may be empty; if not, ``pad_token_id`` is
    set. A strategy calls ``streamer`` and ``progress``, if given, after every step.
    """

    config: GenerationConfig
    max_length: int
    eos_token_ids: tuple[int, ...] = ()
    pad_token_id: int | None = None
    logits_processor: LogitsProcessorList = field(default_factory=LogitsProcessorList)
    stopping_criteria: StoppingCriteriaList = field(default_factory=StoppingCriteriaList)
    assistant: Assistant | None = None
    streamer: Streamer | None = None
    progress: ProgressLine | None = None


DecodingStrategy = Callable[[DecodingSession, DecodingRequest], GenerateOutput]
"""A function that decodes; plugins add more through ``automodel_decoding_strategies``."""
