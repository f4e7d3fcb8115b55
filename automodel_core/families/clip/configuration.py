"""The keys that the configurations of towers have in common, and that of a pair of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageTowerConfig", "TextTowerConfig", "TwoTowerConfig"]


class TowerConfig(PreTrainedConfig):
    """What both towers have; defaults are those of the base size."""

    hidden_size: PositiveInt = 768
    intermediate_size: PositiveInt = 3072
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    hidden_act: str = "quick_gelu"
    layer_norm_eps: NonNegativeFloat = 1e-5
    attention_dropout: Probability = 0.0

    def validate(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )


class TextTowerConfig(TowerConfig):
    """A tower that reads texts."""

    base_config_key: ClassVar[str] = "text_config"

    vocab_size: PositiveInt = 49408
    max_position_embeddings: PositiveInt = 77


class ImageTowerConfig(TowerConfig):
    """A tower that sees images: sizes are one number, or height and width."""

    base_config_key: ClassVar[str] = "vision_config"

    num_channels: PositiveInt = 3
    image_size: PositiveInt | list[PositiveInt] = 224
    patch_size: PositiveInt | list[PositiveInt] = 32

    def validate(self) -> None:
        super().validate()
        for key in ("image_size", "patch_size"):
            size = vars(self)[key]
            if isinstance(size, list) and len(size) != 2:
                raise ConfigurationError(
                    f"{type(self).__name__}: {key}={size} cannot be used: expected a number, or "
                    "height and width"
                )


class TwoTowerConfig(PreTrainedConfig):
    """A ``text_config`` and a ``vision_config``, which a subclass gives their classes.

    Old files repeat them as ``text_config_dict`` and ``vision_config_dict``, which then count.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for name, kind in self.sub_configs.items():
            former = kwargs.pop(f"{name}_dict", None)
            if former is not None:
                kwargs[name] = {**_plain(kwargs.get(name)), **kind(**former).to_dict()}
            elif name in kwargs and kwargs[name] is None:
                del kwargs[name]
        super().__init__(*args, **kwargs)

    @classmethod
    def from_text_vision_configs(
        cls, text_config: PreTrainedConfig, vision_config: PreTrainedConfig, **kwargs: Any
    ) -> Self:
        """Join copies of two configurations; other arguments are keys of the pair's own."""
        parts = {"text_config": text_config.to_dict(), "vision_config": vision_config.to_dict()}
        return cls(**parts, **kwargs)


def _plain(part: PreTrainedConfig | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the keys of a configuration, however it is given."""
    return part.to_dict() if isinstance(part, PreTrainedConfig) else part or {}
