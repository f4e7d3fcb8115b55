"""Bodies that read text with one stack of layers: an encoder, or a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.kernels.linear import MissingRowError, look_up
from automodel_core.layers.masks import context_mask, decoder_mask, packed_mask, padding_mask
from automodel_core.layers.positions.rotary import RotaryEmbedding, Rotation
from automodel_core.layers.stack import StackOutput, TransformerStack
from automodel_core.layers.tracing import in_jit_trace
from automodel_core.modeling.bodies.inputs import TextInputs
from automodel_core.modeling.calls import CallableModule, ForwardOptions, model_call, wanted_states
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["TextBody", "TextRunner", "TextStack"]


class TextRunner(CallableModule):
    """The forward of an encoder or a decoder: embed, mask, and run the layers of ``stack``.

    A subclass builds ``embed_tokens``, ``stack`` and what it has of ``embed_positions`` (learned
    absolute ones), ``rotary`` positions and a ``pooler`` of the last states. Where it differs from
    others, it replaces `embed`, `mask`, `rotation`, `pool` or `new_cache`.
    """

    config: Any
    embed_tokens: nn.Module
    embed_positions: nn.Module | None
    stack: TransformerStack
    pooler: nn.Module | None

    rotary: RotaryEmbedding | None = None
    argument_prefix: str = ""
    """What stands before the names of its arguments in those of the whole model."""
    has_token_types: ClassVar[bool] = False
    """Whether `embed` reads ``token_type_ids``."""
    pools_last_place: ClassVar[bool] = False
    """Whether `pool` takes the last place, padding or not: texts are padded to one length."""
    reads_packed: ClassVar[bool] = False
    """Whether ``position_ids`` that begin again, without a mask or a cache, part texts of a row."""
    takes_cache: ClassVar[bool] = False
    """Whether an encoder, too, may be given ``past_key_values``."""
    is_decoder: bool = False
    """Whether a token sees no later ones, and a cache is kept."""
    has_cross_attention: bool = False
    """Whether the layers can attend to the states of an encoder."""

    @property
    def first_position(self) -> int:
        """The position of a text's first token, from which ``generate`` counts them."""
        return 0

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
        return embeds + look_up(self.embed_positions, positions)

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

    def pool(self, states: Tensor, inputs: TextInputs) -> Tensor | None:
        """Return what stands for each whole text, made of the last states, if anything does."""
        return None if self.pooler is None else self.pooler(states)

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
        return self.read(inputs, **options)

    def read(self, inputs: TextInputs, **options: Unpack[ForwardOptions]) -> BaseModelOutput:
        """Return what `forward` does, for a body whose arguments are others, too."""
        output = self.run(inputs, **options)
        return BaseModelOutput(
            pooler_output=self.pool(output.last_hidden_state, inputs),
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
            inputs.use_cache = self.config.use_cache and not in_jit_trace()
        if inputs.use_cache and inputs.past_key_values is None:
            inputs.past_key_values = self.new_cache()
        cache = inputs.past_key_values
        inputs.span = span_of(cache, inputs.tokens)
        inputs.prefix = self.argument_prefix
        inputs.check_shapes()
        if self.reads_packed and cache is None and inputs.attention_mask is None:
            ids = inputs.position_ids
            inputs.attention_mask = None if ids is None else packed_mask(ids)
        states = self._embedded(inputs)
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

    def _embedded(self, inputs: TextInputs) -> Tensor:
        """Return what `embed` does; an id that has no row is named by its argument."""
        try:
            return self.embed(inputs)
        except MissingRowError as error:
            raise InputError(f"{inputs.argument_of(error.ids)}: {error}") from None

    def _check(self, inputs: TextInputs) -> None:
        """Refuse what this model cannot use."""
        if inputs.token_type_ids is not None and not self.has_token_types:
            raise InputError(f"{type(self).__name__} has no token types: leave out token_type_ids")
        if inputs.encoder_hidden_states is not None and not self.has_cross_attention:
            raise InputError(
                f"encoder_hidden_states need cross-attention, which this {type(self).__name__} "
                "lacks: load it with is_decoder=True, add_cross_attention=True, if its "
                "configuration has them"
            )
        if inputs.past_key_values is not None and not (self.is_decoder or self.takes_cache):
            raise InputError(
                f"{type(self).__name__} is an encoder, which reads all at once: leave out "
                "past_key_values"
            )


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
        self.argument_prefix = "decoder_" if decoder else ""
