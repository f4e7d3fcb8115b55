"""The configuration of a composite: those of its encoder and its decoder, and keys of its own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from automodel_core.configuration import AnyConfig, PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CompositeConfig"]


class CompositeConfig(PreTrainedConfig):
    """An ``encoder`` and a ``decoder``, each a configuration, or its keys with a ``model_type``.

    The decoder attends to the encoder, so its ``is_decoder`` and ``add_cross_attention`` are true
    whatever they were. Raises `ConfigurationError` if one is missing, and
    `PluginNotInstalledError` with one line that installs every architecture that is not there.
    """

    small_model: ClassVar[Mapping[str, Any]] = {
        "decoder": {"model_type": "small-text"},
        "decoder_start_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }

    encoder: AnyConfig = None
    decoder: AnyConfig = None
    is_encoder_decoder: bool = True

    def validate(self) -> None:
        self.decoder.is_decoder = True
        self.decoder.add_cross_attention = True
        self.decoder.validate()
        context = self.decoder.cross_attention_hidden_size
        if context is not None and context != self.encoder_size:
            raise ConfigurationError(
                f"{type(self).__name__}: the decoder's cross_attention_hidden_size={context} must "
                f"be the encoder's hidden_size={self.encoder_size}"
            )

    @property
    def encoder_size(self) -> int:
        """The size of the encoder's states, which an adapter behind its layers may change."""
        adapted = (
            self.encoder.get("output_hidden_size") if self.encoder.get("add_adapter") else None
        )
        size: int = adapted or self.encoder.hidden_size
        return size

    @property
    def is_projected(self) -> bool:
        """Whether the encoder's states are mapped to what the decoder attends to.

        They are also where ``output_hidden_size`` says another size than they have.
        """
        stated = self.encoder.get("output_hidden_size") or self.encoder_size
        same = self.encoder_size == stated == self.decoder.hidden_size
        return not same and self.decoder.cross_attention_hidden_size is None

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: PreTrainedConfig, decoder_config: PreTrainedConfig, **kwargs: Any
    ) -> Self:
        """Join copies of two configurations; other arguments are keys of the composite's own."""
        # One by one: of an object that is given twice there must be two copies.
        encoder, decoder = copy.deepcopy(encoder_config), copy.deepcopy(decoder_config)
        return cls(encoder=encoder, decoder=decoder, **kwargs)

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
