"""Sounds that models are checked with, and which of any inputs are labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = [
    "HIDDEN_FRAMES",
    "OTHER_LOSSES",
    "drawn_sounds",
    "hears",
    "hears_samples",
    "sound_labels",
    "sound_prompt",
    "takes_sounds",
    "without_labels",
]

SOUNDS = ("input_values", "input_features")
"""The arguments that are sounds: samples, or spectra."""
HIDDEN_FRAMES = "mask_time_indices"
"""The argument that says which frames are hidden."""
NEGATIVES = "sampled_negative_indices"
"""The argument that says which other frames a hidden one is told from."""
OTHER_LOSSES = ("audio-xvector", "ctc", "image-to-image", "text-to-spectrogram")
"""Tasks whose loss is no cross-entropy of classes."""
ROWS, FRAMES, MARGIN, SYMBOLS = 2, 10, 400, 3


class Hearing(Protocol):
    """What is checked, as far as sounds are concerned."""

    @property
    def task(self) -> str: ...

    @property
    def inputs(self) -> Any: ...

    @property
    def model_class(self) -> Any: ...

    @property
    def accepted(self) -> frozenset[str]: ...

    def model(self) -> Any: ...

    def tokens(self, config: Any, rows: int = ROWS, length: int = SYMBOLS) -> Tensor: ...


def takes_sounds(subject: Hearing) -> bool:
    """Return whether a model's main input are sounds, whoever makes them."""
    return subject.model_class.main_input_name in SOUNDS


def hears(subject: Hearing) -> bool:
    """Return whether a model's main input are sounds that the suite makes."""
    return subject.inputs is None and takes_sounds(subject)


def hears_samples(subject: Hearing) -> bool:
    """Return whether the sounds are samples, and no spectra."""
    return hears(subject) and subject.model_class.main_input_name == "input_values"


def drawn_sounds(name: str, config: Any) -> Tensor:
    """Return samples ``(rows, samples)``, or spectra of the size that the configuration names."""
    chance = torch.Generator().manual_seed(3)
    if name == "input_values":
        samples = FRAMES * math.prod(config.get("conv_stride", [1])) + MARGIN
        return torch.randn(ROWS, samples, generator=chance)
    bins, positions = config.get("num_mel_bins", 8), config.get("max_source_positions", FRAMES)
    return torch.randn(ROWS, bins, 2 * positions, generator=chance)


def sound_prompt(subject: Hearing, config: Any) -> dict[str, Tensor]:
    """Return the main input with its mask and, where a model learns them, which frames it hides."""
    name: str = subject.model_class.main_input_name
    sounds = drawn_sounds(name, config)
    prompt = {name: sounds}
    if name == "input_values" and "attention_mask" in subject.accepted:
        prompt["attention_mask"] = torch.ones(sounds.shape, dtype=torch.long)
    if NEGATIVES in subject.accepted:
        frames = frame_count(subject, sounds)
        order = torch.rand(ROWS, frames, generator=torch.Generator().manual_seed(5)).argsort(dim=1)
        prompt[HIDDEN_FRAMES] = order < max(frames // 2, 2)
    return prompt


def sound_labels(subject: Hearing, config: Any) -> dict[str, Tensor]:
    """Return what a model learns from: classes, symbols, or frames to tell others from."""
    if NEGATIVES in subject.accepted:
        frames = frame_count(subject, drawn_sounds("input_values", config))
        shape = (ROWS, frames, config.num_negatives)
        drawn = torch.randint(frames, shape, generator=torch.Generator().manual_seed(7))
        return {NEGATIVES: drawn + frames * torch.arange(ROWS).view(-1, 1, 1)}
    if "labels" not in subject.accepted:
        return {}
    if subject.task == "audio-frame-classification":
        frames = frame_count(subject, drawn_sounds("input_values", config))
        classes = torch.arange(ROWS * frames).view(ROWS, -1) % config.num_labels
        return {"labels": classes}
    if subject.task in ("audio-classification", "audio-xvector"):
        return {"labels": torch.arange(ROWS) % 2}
    return {"labels": subject.tokens(config, length=SYMBOLS)}


def frame_count(subject: Hearing, sounds: Tensor) -> int:
    """Return how many frames a model's body makes of sounds."""
    with torch.no_grad():
        states: Tensor = subject.model().base_model(sounds).last_hidden_state
    return states.shape[1]


def without_labels(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are not labels."""
    return {
        name: value
        for name, value in inputs.items()
        if not name.endswith(("labels", "label", "positions"))
    }
