"""An encoder-decoder made of the core's bricks, whose layers end in a norm and tied scores."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import torch
from torch import nn

from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import embedding, linear
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.seq2seq import EncoderDecoderBody
from automodel_core.modeling.bodies.text import TextStack
from automodel_core.modeling.heads.seq2seq import (
    EncoderDecoderForConditionalGeneration,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["TinyPair", "TinyPairConfig", "drawn_pair"]


class TinyPairConfig(PreTrainedConfig):
    model_type = "tiny-pair"

    vocab_size: int = 23
    hidden_size: int = 8
    num_layers: int = 2
    num_decoder_layers: int = 3
    is_encoder_decoder: bool = True
    tie_word_embeddings: bool = False
    initializer_range: float = 0.5
    use_cache: bool = True
    eos_token_id: int | None = 1
    pad_token_id: int | None = 0
    decoder_start_token_id: int | None = 0


class TinyFacts(PreTrainedModel):
    config_class = TinyPairConfig
    base_model_prefix: ClassVar[str] = "tiny"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return WeightNames({})


class Side(TextStack):
    """The encoder, or the decoder."""

    def __init__(
        self, config: TinyPairConfig, embed_tokens: nn.Embedding, *, decoder: bool
    ) -> None:
        super().__init__(config, decoder=decoder)
        self.embed_tokens = embed_tokens
        size = config.hidden_size
        self.stack = TransformerStack(
            [
                TransformerLayer(
                    Attention(equal_heads(size, 2)),
                    FeedForward(size, 2 * size),
                    partial(nn.LayerNorm, size),
                    norm_first=True,
                    cross_attn=Attention(equal_heads(size, 2)) if decoder else None,
                )
                for _ in range(config.num_decoder_layers if decoder else config.num_layers)
            ],
            nn.LayerNorm(size),
        )


class TinyPairModel(TinyFacts, EncoderDecoderBody):
    def __init__(self, config: TinyPairConfig) -> None:
        super().__init__(config)
        self.embed_tokens = embedding(config.vocab_size, config.hidden_size)
        self.encoder = Side(config, self.embed_tokens, decoder=False)
        self.decoder = Side(config, self.embed_tokens, decoder=True)
        self.post_init()


class TinyPair(TinyFacts, EncoderDecoderForConditionalGeneration):
    def __init__(self, config: TinyPairConfig) -> None:
        super().__init__(config)
        self.model = TinyPairModel(config)
        self.lm_head = linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


def drawn_pair(seed: int = 0, **settings: Any) -> Any:
    """Return a random model in evaluation mode."""
    model = TinyPair(TinyPairConfig(**settings)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.5, generator=generator)
    return model
