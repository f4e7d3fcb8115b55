"""The body: embeddings, pre-norm layers with rotary attention, and a last norm.

A plugin derives its own base from `LlamaFamilyPreTrainedModel`, where it states its configuration
and what of a layer is its own, and joins that base with the classes here and in `heads`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import ConfigurationError
from automodel_core.layers.attention import Attention, Projections, grouped_heads
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.feed_forward import GatedFeedForward
from automodel_core.layers.kernels.linear import embedding
from automodel_core.layers.kernels.norms import RMSNorm
from automodel_core.layers.masks import decoder_mask
from automodel_core.layers.positions.rotary import RotaryEmbedding
from automodel_core.layers.stack import TransformerStack, repeated
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.inputs import TextInputs
from automodel_core.modeling.bodies.text import TextBody
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["LlamaFamilyModel", "LlamaFamilyPreTrainedModel", "head_projections"]


def head_projections(
    config: Any, *, bias: bool | None = None, out_bias: bool | None = None
) -> Projections:
    """Return the projections of a layer's attention; biases are by default the configuration's."""
    return grouped_heads(
        config.hidden_size,
        config.num_attention_heads,
        config.key_value_heads,
        head_dim=config.head_size,
        bias=config.attention_bias if bias is None else bias,
        out_bias=out_bias,
    )


def _other_prefixes(prefix: str) -> dict[str, str]:
    """Return the names of a body in files of heads that call it otherwise."""
    own = f"{prefix}." if prefix else ""
    others = {"model", "transformer"} - {prefix or "model"}
    parts = ("embed_tokens", "layers", "norm")
    return {f"{other}.{part}": f"{own}{part}" for other in others for part in parts}


class LlamaFamilyPreTrainedModel(PreTrainedModel):
    """The base of an architecture's models: what of their parts may differ, as methods."""

    config: Any
    base_model_prefix: ClassVar[str] = "model"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = WeightNames(
            {
                "layers": "stack.layers",
                "layers.*.input_layernorm": "stack.layers.*.self_attn_norm",
                "layers.*.post_attention_layernorm": "stack.layers.*.mlp_norm",
                "norm": "stack.norm",
            },
            ignored=["layers.*.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
        )
        prefix = cls.base_model_prefix if cls.body else ""
        if prefix:
            names = names.nested(hub=prefix, module=cls.body)
            names |= WeightNames({"score": "classifier"})
        return names | WeightNames(foreign=_other_prefixes(prefix))

    @classmethod
    def make_norm(cls, config: Any) -> nn.Module:
        """Return a norm of states."""
        return RMSNorm(config.hidden_size, config.rms_norm_eps)

    @classmethod
    def make_attention(cls, config: Any) -> Attention:
        """Return the attention of one layer."""
        return Attention(head_projections(config), dropout=config.attention_dropout)

    @classmethod
    def make_layer(cls, config: Any) -> TransformerLayer:
        """Return one layer of the body."""
        return TransformerLayer(
            cls.make_attention(config),
            GatedFeedForward(
                config.hidden_size,
                config.intermediate_size,
                activation=config.hidden_act,
                bias=config.mlp_bias,
            ),
            partial(cls.make_norm, config),
            norm_first=True,
        )


class LlamaFamilyModel(LlamaFamilyPreTrainedModel, TextBody):
    """The decoder without a head."""

    reads_packed = True

    def __init__(self, config: Any) -> None:
        super().__init__(config, decoder=True)
        self.embed_tokens = embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id
        )
        self.rotary = self.make_rotary(config)
        self.stack = TransformerStack(
            repeated(partial(self.make_layer, config), config.num_hidden_layers),
            self.make_norm(config),
        )
        self.post_init()

    @classmethod
    def make_rotary(cls, config: Any) -> RotaryEmbedding:
        """Return the rotary positions; raise `ConfigurationError` for keys that describe none."""
        try:
            return RotaryEmbedding.of(config.head_size, config.rope, config.max_position_embeddings)
        except ValueError as error:
            raise ConfigurationError(f"{type(config).__name__}: {error}") from None

    def mask(self, inputs: TextInputs, states: Tensor) -> Mask | list[Mask]:
        windows = self.config.windows
        masks = {
            window: decoder_mask(inputs.attention_mask, inputs.span, states, window=window)
            for window in dict.fromkeys(windows)
        }
        return [masks[window] for window in windows]
