"""How text is watermarked: settings that stand in a generation config. No torch."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from automodel_core.errors import GenerationArgumentError, shown

__all__ = [
    "BaseWatermarkingConfig",
    "SynthIDTextWatermarkingConfig",
    "WatermarkingConfig",
    "watermarking_of",
]


class BaseWatermarkingConfig(ABC):
    """Settings of one way to watermark; they must be the same when the mark is looked for."""

    @abstractmethod
    def validate(self) -> None:
        """Raise `GenerationArgumentError` for values that cannot work."""

    @abstractmethod
    def construct_processor(self, vocab_size: int, device: Any = None) -> Any:
        """Return the logits processor that marks text."""

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build from a mapping, overridden by ``kwargs``."""
        return cls(**{**config_dict, **kwargs})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def update(self, **settings: Any) -> dict[str, Any]:
        """Take over the settings that are fields here and return the others."""
        names = {field.name for field in fields(self)}  # type: ignore[arg-type]
        for name in names & settings.keys():
            setattr(self, name, settings[name])
        return {name: value for name, value in settings.items() if name not in names}


def _require(holds: bool, name: str, expected: str, value: object) -> None:
    if not holds:
        raise GenerationArgumentError(
            f"watermarking_config: {name} must be {expected}, not {shown(value)}"
        )


@dataclass
class WatermarkingConfig(BaseWatermarkingConfig):
    """Favour a part of the vocabulary, drawn anew after each text (arXiv:2306.04634).

    ``bias`` is added to the scores of the ``greenlist_ratio`` of the tokens. What seeds the draw,
    beside the ``hashing_key``, is the last token ("lefthash") or the last ``context_width`` tokens
    with the next one ("selfhash").
    """

    greenlist_ratio: float = 0.25
    bias: float = 2.0
    hashing_key: int = 15485863
    seeding_scheme: str = "lefthash"
    context_width: int = 1

    def validate(self) -> None:
        schemes = ("lefthash", "selfhash")
        _require(
            self.seeding_scheme in schemes, "seeding_scheme", " or ".join(schemes),
            self.seeding_scheme,
        )  # fmt: skip
        ratio, width = self.greenlist_ratio, self.context_width
        _require(0.0 < ratio < 1.0, "greenlist_ratio", "between 0 and 1", ratio)
        _require(width >= 1, "context_width", "at least 1", width)

    def construct_processor(self, vocab_size: int, device: Any = None) -> Any:
        from automodel_core.generation.processors.watermark import WatermarkLogitsProcessor

        return WatermarkLogitsProcessor(vocab_size, device, **self.to_dict())


@dataclass
class SynthIDTextWatermarkingConfig(BaseWatermarkingConfig):
    """Let tokens play tournaments with each other (https://doi.org/10.1038/s41586-024-08025-4).

    There is one tournament for each of the ``keys``; its random numbers come from the key and the
    last ``ngram_len`` tokens. A context that came up among the last ``context_history_size`` is not
    marked again; ``skip_first_ngram_calls`` leaves the first tokens unmarked, too.
    """

    ngram_len: int
    keys: list[int]
    context_history_size: int = 1024
    sampling_table_seed: int = 0
    sampling_table_size: int = 2**16
    skip_first_ngram_calls: bool = False
    debug_mode: bool = False

    def validate(self) -> None:
        size = self.sampling_table_size
        _require(0 < size <= 2**24, "sampling_table_size", "at least 1 and at most 2**24", size)
        _require(self.ngram_len >= 2, "ngram_len", "at least 2", self.ngram_len)
        _require(len(self.keys) > 0, "keys", "a list of at least one integer", self.keys)

    def construct_processor(self, vocab_size: int, device: Any = None) -> Any:
        from automodel_core.generation.processors.synthid import SynthIDTextWatermarkLogitsProcessor

        return SynthIDTextWatermarkLogitsProcessor(**self.to_dict(), device=device)


def watermarking_of(setting: Any) -> BaseWatermarkingConfig:
    """Return a setting of a generation config as an object; it may come as a mapping.

    Raise `GenerationArgumentError` if it is none, or cannot work.
    """
    if isinstance(setting, Mapping):
        kind = SynthIDTextWatermarkingConfig if "ngram_len" in setting else WatermarkingConfig
        try:
            setting = kind.from_dict(setting)
        except TypeError as error:
            raise GenerationArgumentError(f"watermarking_config: {error}") from error
    if not isinstance(setting, BaseWatermarkingConfig):
        raise GenerationArgumentError(
            "watermarking_config must be a WatermarkingConfig, a SynthIDTextWatermarkingConfig or "
            f"a dict of their fields, not {shown(setting)}"
        )
    setting.validate()
    return setting
