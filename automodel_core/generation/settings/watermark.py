"""The settings of a watermark, as a generation config holds them. No torch.

The processors that mark text, and the detectors, are in `processors.watermarks`. The settings name
their processor by a reference, so that a config can be read and checked without torch.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.registry import resolve

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from typing_extensions import Self

    Processor = Callable[[Tensor, Tensor], Tensor]

__all__ = [
    "BaseWatermarkingConfig",
    "SynthIDTextWatermarkingConfig",
    "WatermarkingConfig",
    "watermarking_of",
]

_PROCESSORS = "automodel_core.generation.processors.watermarks"


@dataclass
class BaseWatermarkingConfig(ABC):
    """Settings of one kind of watermark; to detect a mark takes the settings that made it."""

    @abstractmethod
    def validate(self) -> None:
        """Raise `GenerationArgumentError` for values that cannot work."""

    @abstractmethod
    def construct_processor(
        self, vocab_size: int, device: torch.device | str | None = None
    ) -> Processor:
        """Return the logits processor that marks text."""

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **kwargs: Any) -> Self:
        """Build from a mapping, overridden by ``kwargs``."""
        return cls(**{**config_dict, **kwargs})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def update(self, **settings: Any) -> dict[str, Any]:
        """Take over the settings that are fields here and return the others."""
        names = {field.name for field in fields(self)}
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
    """Favour a "green" part of the vocabulary, drawn anew at each position (arXiv:2306.04634).

    ``bias`` is added to the scores of the green tokens, a share ``greenlist_ratio`` of all. The
    draw is seeded with the ``hashing_key`` and the previous token ("lefthash"), or the previous
    ``context_width`` tokens and the scored token itself ("selfhash").
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

    def construct_processor(
        self, vocab_size: int, device: torch.device | str | None = None
    ) -> Processor:
        build = cast(
            Callable[..., "Processor"], resolve(f"{_PROCESSORS}.greenlist:WatermarkLogitsProcessor")
        )
        return build(vocab_size, device, **self.to_dict())


@dataclass
class SynthIDTextWatermarkingConfig(BaseWatermarkingConfig):
    """Sample tokens by tournaments (https://doi.org/10.1038/s41586-024-08025-4).

    There is one tournament for each of the ``keys``; its random numbers come from the key and the
    last ``ngram_len`` tokens. A context that occurred among the last ``context_history_size`` is
    not marked again; ``skip_first_ngram_calls`` leaves the first tokens unmarked, too.
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

    def construct_processor(
        self, vocab_size: int, device: torch.device | str | None = None
    ) -> Processor:
        build = cast(
            Callable[..., "Processor"],
            resolve(f"{_PROCESSORS}.synthid:SynthIDTextWatermarkLogitsProcessor"),
        )
        return build(**self.to_dict(), device=device)


def watermarking_of(setting: object) -> BaseWatermarkingConfig:
    """Return the ``watermarking_config`` of a generation config as an object.

    A mapping is read as `SynthIDTextWatermarkingConfig` if it has an ``ngram_len``, and so is what
    an object of the same class, of another library, holds. Raise `GenerationArgumentError` for
    anything else and for values that cannot work.
    """
    base = BaseWatermarkingConfig
    if not isinstance(setting, base) and base.__name__ in _ancestors(setting):
        setting = cast(Any, setting).to_dict()
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


def _ancestors(setting: object) -> set[str]:
    return {kind.__name__ for kind in type(setting).__mro__}
