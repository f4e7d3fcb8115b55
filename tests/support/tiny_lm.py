"""A language model with a body, a tied output layer and a classifier, made of the core's bricks."""

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
from automodel_core.modeling.bodies.text import TextBody
from automodel_core.modeling.heads.text import (
    TextModelForCausalLM,
    TextModelForTokenClassification,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["TinyConfig", "TinyForCausalLM", "TinyForTokenClassification", "TinyModel"]


class TinyConfig(PreTrainedConfig):
    model_type = "tiny"

    vocab_size: int = 23
    hidden_size: int = 8
    num_layers: int = 2
    initializer_range: float = 0.5
    use_cache: bool = True
    eos_token_id: int | None = 1


class TinyFacts(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix: ClassVar[str] = "tiny"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        body = WeightNames(
            {
                "wte": "embed_tokens",
                "h.*.attn": "stack.layers.*.self_attn",
                "h.*.attn_norm": "stack.layers.*.self_attn_norm",
                "h.*.mlp": "stack.layers.*.mlp",
                "h.*.mlp_norm": "stack.layers.*.mlp_norm",
            }
        )
        return body if cls.body == "" else body.nested(hub="tiny", module=cls.body)


class TinyModel(TinyFacts, TextBody):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config, decoder=True)
        size = config.hidden_size
        self.embed_tokens = embedding(config.vocab_size, size)
        self.stack = TransformerStack(
            [
                TransformerLayer(
                    Attention(equal_heads(size, 2)),
                    FeedForward(size, 2 * size),
                    partial(nn.LayerNorm, size),
                    norm_first=True,
                )
                for _ in range(config.num_layers)
            ]
        )
        self.post_init()


class TinyForCausalLM(TinyFacts, TextModelForCausalLM):
    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.model = TinyModel(config)
        self.lm_head = linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


class TinyForTokenClassification(TinyFacts, TextModelForTokenClassification):
    def __init__(self, config: TinyConfig, *, scale: float = 1.0) -> None:
        super().__init__(config)
        self.model = TinyModel(config)
        self.dropout = nn.Dropout(0.0)
        self.classifier = linear(config.hidden_size, config.num_labels)
        self.scale = scale
        self.post_init()


def drawn(kind: Any = TinyForCausalLM, seed: int = 0, **settings: Any) -> Any:
    """Return a random model in evaluation mode."""
    model = kind(TinyConfig(**settings)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.5, generator=generator)
    return model
