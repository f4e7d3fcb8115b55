"""The configuration of a composite: those of its encoder and its decoder, and what is said of both.

``config.json`` holds the two as dictionaries with a ``model_type`` each, which the registry turns
into objects of their own classes. No torch.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automodel_core import registry
from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError, UnknownModelTypeError, shown

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SIDES", "CompositeConfig"]

SIDES = ("encoder", "decoder")


class CompositeConfig(PreTrainedConfig):
    """An ``encoder`` and a ``decoder``, each a configuration, or its keys with a ``model_type``.

    The decoder attends to the encoder, so its ``is_decoder`` and ``add_cross_attention`` are true
    whatever they were. Raises `ConfigurationError` if a side is missing, and
    `PluginNotInstalledError` with one line that installs every architecture that is not there.
    """

    encoder: Any = None
    decoder: Any = None
    is_encoder_decoder: bool = True

    def validate(self) -> None:
        self._build_sides()
        self.decoder.is_decoder = True
        self.decoder.add_cross_attention = True
        for side in (self.encoder, self.decoder):
            side.validate()
        context = self.decoder.cross_attention_hidden_size
        if context is not None and context != self.encoder.hidden_size:
            raise ConfigurationError(
                f"{type(self).__name__}: the decoder's cross_attention_hidden_size={context} must "
                f"be the encoder's hidden_size={self.encoder.hidden_size}"
            )

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: PreTrainedConfig, decoder_config: PreTrainedConfig, **kwargs: Any
    ) -> Self:
        """Join copies of two configurations; other arguments are keys of the composite's own."""
        parts = copy.deepcopy((encoder_config, decoder_config))
        return cls(encoder=parts[0], decoder=parts[1], **kwargs)

    def get_text_config(self, decoder: bool = False) -> PreTrainedConfig:
        """Return the decoder's configuration, which is always of text."""
        text: PreTrainedConfig = self.decoder
        return text

    @property
    def prompts_start_themselves(self) -> bool:
        """Whether texts given to the decoder need no start token before them; the encoder knows."""
        starts: bool = self.encoder.prompts_start_themselves
        return starts

    @property
    def start_token_id(self) -> TokenId:
        """The token that texts start with: the composite's, or else the decoder's."""
        start: TokenId = self.decoder.decoder_start_token_id
        return start if self.decoder_start_token_id is None else self.decoder_start_token_id

    @property
    def padding_token_id(self) -> int | None:
        """The token that fills rows of text: the composite's, or else the decoder's."""
        padding: int | None = self.decoder.pad_token_id
        return padding if self.pad_token_id is None else self.pad_token_id

    def _build_sides(self) -> None:
        """Turn sides that are dictionaries into configurations of their architectures."""
        types: dict[str, str] = {}
        for side in SIDES:
            value = vars(self)[side]
            if isinstance(value, PreTrainedConfig):
                types[side] = value.model_type
            elif isinstance(value, Mapping) and isinstance(value.get("model_type"), str):
                types[side] = value["model_type"]
            else:
                raise ConfigurationError(
                    f"{type(self).__name__} joins two architectures: {side}={shown(value)} cannot "
                    "be used: expected a configuration, or its keys as a dict with a model_type"
                )
        raw = [side for side in SIDES if isinstance(vars(self)[side], Mapping)]
        if raw:
            self._require(types)
        for side in raw:
            kind = registry.config_class(types[side])
            setattr(self, side, kind.from_dict(vars(self)[side]))

    def _require(self, types: Mapping[str, str]) -> None:
        """Raise one error that says which sides are not installed, and how to install them all."""
        try:
            registry.require(*types.values(), checkpoint=self._name_or_path or None)
        except UnknownModelTypeError as error:
            here = registry.model_types()
            sides = " and ".join(
                f"{side} {shown(kind)} ({'installed' if kind in here else 'missing'})"
                for side, kind in types.items()
            )
            raise type(error)(f"{type(self).__name__} joins {sides}: {error}") from None
