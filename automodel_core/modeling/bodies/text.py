"""Bodies that read text with one stack of layers: an encoder, or a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.masks import context_mask, decoder_mask, padding_mask
from automodel_core.layers.positions.rotary import RotaryEmbedding, Rotation
from automodel_core.layers.stack import StackOutput, TransformerStack
from automodel_core.modeling.calls import CallableModule, ForwardOptions, model_call, wanted_states
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DecoderOptions", "TextBody", "TextInputs", "TextRunner", "TextStack"]


@dataclass
class TextInputs:
    """The arguments of one forward over new tokens ``(batch, length)``.

    Either ``input_ids`` or ``inputs_embeds`` are given; ``span`` has the positions of the tokens.
    """

    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    token_type_ids: Tensor | None = None
    position_ids: Tensor | None = None
    inputs_embeds: Tensor | None = None
    encoder_hidden_states: Tensor | None = None
    encoder_attention_mask: Tensor | None = None
    past_key_values: Cache | None = None
    use_cache: bool | None = None
    span: PositionSpan = field(init=False, repr=False)

    @property
    def tokens(self) -> Tensor:
        """The tokens ``(batch, length)``, or their embeddings.

        Raises `InputError` unless one of the two is given.
        """
        if self.input_ids is not None and self.inputs_embeds is None:
            if self.input_ids.dim() < 2 or self.input_ids.is_floating_point():
                raise InputError(
                    "input_ids must be integers (batch, length), got "
                    f"{self.input_ids.dtype} {tuple(self.input_ids.shape)}"
                )
            return self.input_ids
        if self.inputs_embeds is None or self.input_ids is not None:
            raise InputError("give either input_ids or inputs_embeds")
        return self.inputs_embeds

    @property
    def shape(self) -> torch.Size:
        """The shape of the tokens."""
        return self.tokens.shape if self.inputs_embeds is None else self.inputs_embeds.shape[:-1]

    def as_rows(self) -> TextInputs:
        """Return inputs ``(batch, choices, ...)`` as ``(batch * choices, ...)``."""
        last = len(self.shape) - 2
        rows: dict[str, Any] = {
            name: value.flatten(0, last)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **rows)

    def embedded_by(self, embed_tokens: nn.Module) -> Tensor:
        """Return the embeddings given, or else those of the tokens."""
        if self.inputs_embeds is not None:
            return self.inputs_embeds
        embeds: Tensor = embed_tokens(self.input_ids)
        return embeds

    def positions(self, limit: int | None = None) -> Tensor:
        """Return the positions given, or else ``(1, length)`` those of the span.

        Raises `InputError` where the span ends beyond ``limit`` positions.
        """
        if self.position_ids is not None:
            return self.position_ids
        if limit is not None and self.span.exceeds(limit):
            raise InputError(
                f"{self.span.end} positions are more than max_position_embeddings={limit}"
            )
        return self.span.positions[None]


class DecoderOptions(ForwardOptions, total=False):
    """The arguments that only a decoder can use, which a head passes on as they are."""

    encoder_hidden_states: Tensor | None
    encoder_attention_mask: Tensor | None
    past_key_values: Cache | None
    use_cache: bool | None


class TextRunner(CallableModule):
    """The forward of an encoder or a decoder: embed, mask, and run the layers of ``stack``.

    A subclass builds ``embed_tokens``, ``stack`` and what it has of ``embed_positions`` (learned
    absolute ones), ``rotary`` positions and a ``pooler`` of the last states. Where it differs from
    others, it replaces `embed`, `mask`, `rotation` or `new_cache`.
    """

    config: Any
    embed_tokens: nn.Module
    embed_positions: nn.Module | None
    stack: TransformerStack
    pooler: nn.Module | None

    rotary: RotaryEmbedding | None = None
    has_token_types: ClassVar[bool] = False
    """Whether `embed` reads ``token_type_ids``."""
    takes_cache: ClassVar[bool] = False
    """Whether an encoder, too, may be given ``past_key_values``."""
    is_decoder: bool = False
    """Whether a token sees no later ones, and a cache is kept."""
    has_cross_attention: bool = False
    """Whether the layers can attend to the states of an encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_positions = None
        self.pooler = None

    def new_cache(self) -> Cache:
        """Return an empty cache of the kind that the layers fill."""
        return Cache()

    def embed(self, inputs: TextInputs) -> Tensor:
        """Return ``(batch, length, hidden_size)``, which enters the first layer."""
        embeds = inputs.embedded_by(self.embed_tokens)
        if self.embed_positions is None:
            return embeds
        positions = inputs.positions(self.config.max_position_embeddings)
        embedded: Tensor = embeds + self.embed_positions(positions)
        return embedded

    def mask(self, inputs: TextInputs, states: Tensor) -> Mask | list[Mask]:
        """Return what the embedded ``states`` see: no padding and, in a decoder, no later ones.

        A list has a mask for each layer.
        """
        if not self.is_decoder:
            return padding_mask(inputs.attention_mask, states.dtype)
        return decoder_mask(inputs.attention_mask, inputs.span, states)

    def rotation(
        self, inputs: TextInputs, states: Tensor
    ) -> Rotation | list[Rotation | None] | None:
        """Return how queries and keys are turned; a list has a rotation for each layer."""
        return None if self.rotary is None else self.rotary(inputs.positions(), states.dtype)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> BaseModelOutput:
        """Run ``(batch, length)`` tokens, or their embeddings, through the layers.

        ``attention_mask`` is ``(batch, keys)``; with three dimensions it says for each query which
        keys it sees, and nothing is added. Where positions are relative, ``position_ids`` have no
        effect. Raises `InputError` for arguments that the model cannot use.
        """
        inputs = TextInputs(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            use_cache,
        )
        output = self.run(inputs, **options)
        return BaseModelOutput(
            pooler_output=None if self.pooler is None else self.pooler(output.last_hidden_state),
            past_key_values=inputs.past_key_values if inputs.use_cache else None,
            **vars(output),
        )

    def run(self, inputs: TextInputs, **options: Unpack[ForwardOptions]) -> StackOutput:
        """Open a cache if one is wanted, note it in ``inputs``, and run the layers."""
        self._check(inputs)
        recomputes = self.training and self.stack.gradient_checkpointing
        if not self.is_decoder or recomputes:
            inputs.use_cache = False
        elif inputs.use_cache is None:
            inputs.use_cache = self.config.use_cache
        if inputs.use_cache and inputs.past_key_values is None:
            inputs.past_key_values = self.new_cache()
        cache = inputs.past_key_values
        inputs.span = span_of(cache, inputs.tokens)
        states = self.embed(inputs)
        self._check_masks(inputs)
        output: StackOutput = self.stack(
            states,
            self.mask(inputs, states),
            rotation=self.rotation(inputs, states),
            cache=cache,
            context=inputs.encoder_hidden_states,
            context_mask=context_mask(inputs.encoder_attention_mask, states.dtype, cache),
            **wanted_states(options),
        )
        return output

    def _check(self, inputs: TextInputs) -> None:
        name = type(self).__name__
        if inputs.token_type_ids is not None and not self.has_token_types:
            raise InputError(f"{name} has no token types: leave out token_type_ids")
        if inputs.encoder_hidden_states is not None and not self.has_cross_attention:
            raise InputError(
                f"encoder_hidden_states need cross-attention, which this {name} lacks: load it "
                "with is_decoder=True, add_cross_attention=True, if its configuration has them"
            )
        if inputs.past_key_values is not None and not (self.is_decoder or self.takes_cache):
            raise InputError(
                f"{name} is an encoder, which reads all at once: leave out past_key_values"
            )

    def _check_masks(self, inputs: TextInputs) -> None:
        """Refuse masks that are not of the batch and length of what they belong to."""
        if (
            torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        ):
            return
        # A cache of fixed size has places for later tokens, which a mask may count.
        lengths = [inputs.span.end, inputs.span.keys]
        _check_mask("attention_mask", inputs.attention_mask, inputs.tokens.shape[0], lengths)
        context = inputs.encoder_hidden_states
        if context is not None:
            batch, *lengths = context.shape[:2]
            _check_mask("encoder_attention_mask", inputs.encoder_attention_mask, batch, lengths)


def _check_mask(name: str, mask: Tensor | None, batch: int, lengths: Sequence[int]) -> None:
    if mask is None or mask.dim() > 2:
        return
    if mask.dim() < 2 or mask.shape[0] != batch or mask.shape[1] not in lengths:
        raise InputError(f"{name} has shape {tuple(mask.shape)}, expected ({batch}, {lengths[0]})")


class TextBody(PreTrainedModel, TextRunner):
    """A model that is one encoder or decoder; a decoder's configuration has ``use_cache``."""

    def __init__(self, config: PreTrainedConfig, *, decoder: bool) -> None:
        super().__init__(config)
        self.is_decoder = decoder
        self.has_cross_attention = decoder and config.add_cross_attention


class TextStack(TextRunner):
    """The encoder or the decoder of an encoder-decoder; a decoder attends to the encoder."""

    def __init__(self, config: PreTrainedConfig, *, decoder: bool) -> None:
        super().__init__()
        self.config = config
        self.is_decoder = self.has_cross_attention = decoder
