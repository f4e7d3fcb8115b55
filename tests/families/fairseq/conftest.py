"""A small architecture of the family in three kinds, as a plugin would state it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq.configuration import FairseqConfig
from automodel_core.families.fairseq.models import (
    FairseqDecoder,
    FairseqForCausalLM,
    FairseqForSequenceClassification,
    FairseqModel,
    FairseqPreTrainedModel,
    WithLogitsBias,
)
from automodel_core.families.fairseq.stack import (
    FairseqStack,
    NormedTokenEmbeddings,
    SummedEmbeddings,
    text_layer,
    token_embedding,
)
from automodel_core.layers.positions.absolute import (
    LearnedPositions,
    PaddedSinusoidalPositions,
    SinusoidalPositions,
)


class SmallConfig(FairseqConfig):
    model_type = "small-fairseq"

    kind: str = "post-norm"
    decoder_vocab_size: int | None = None
    classifier_dropout: float = 0.0
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 2


class SmallPreTrained(FairseqPreTrainedModel):
    config_class = SmallConfig
    config: SmallConfig

    @classmethod
    def shares_embeddings(cls, config: Any) -> bool:
        return config.decoder_vocab_size is None

    @classmethod
    def make_stack(cls, config: Any, *, decoder: bool) -> FairseqStack:
        size, count = config.d_model, config.max_position_embeddings
        tokens = token_embedding(config, config.decoder_vocab_size if decoder else None)
        layer = partial(text_layer, config, decoder=decoder, norm_first=config.kind != "post-norm")
        if config.kind == "post-norm":
            combine = NormedTokenEmbeddings if decoder else SummedEmbeddings
            positions: nn.Module = LearnedPositions(count, size, offset=2)
            embeddings = combine(tokens, positions, nn.LayerNorm(size), config.dropout)
            return FairseqStack(config, embeddings, layer, decoder=decoder)
        positions = (
            SinusoidalPositions(count, size)
            if config.kind == "sinusoidal"
            else PaddedSinusoidalPositions(count, size, config.pad_token_id)
        )
        embeddings = SummedEmbeddings(tokens, positions, None, config.dropout)
        return FairseqStack(config, embeddings, layer, nn.LayerNorm(size), decoder=decoder)


class SmallModel(SmallPreTrained, FairseqModel):
    decodes_its_input = True


class SmallForConditionalGeneration(SmallPreTrained, WithLogitsBias):
    model_class = SmallModel


class SmallForSequenceClassification(SmallPreTrained, FairseqForSequenceClassification):
    model_class = SmallModel


class SmallDecoder(SmallPreTrained, FairseqDecoder):
    pass


class SmallForCausalLM(SmallPreTrained, FairseqForCausalLM):
    model_class = SmallDecoder


CLASSES = {
    kind.__name__.removeprefix("Small"): kind
    for kind in (
        SmallModel,
        SmallForConditionalGeneration,
        SmallForSequenceClassification,
        SmallDecoder,
        SmallForCausalLM,
    )
}
SMALL = {
    "vocab_size": 31, "max_position_embeddings": 32, "d_model": 12, "dropout": 0.0,
    "encoder_layers": 2, "encoder_ffn_dim": 20, "encoder_attention_heads": 3,
    "decoder_layers": 3, "decoder_ffn_dim": 16, "decoder_attention_heads": 2,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        model = CLASSES[name](SmallConfig(**{**SMALL, **settings})).eval()
        chance = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=chance)
            if "final_logits_bias" in dict(model.named_buffers()):
                model.final_logits_bias.normal_(0.0, 1.0, generator=chance)
        return model

    return build


@pytest.fixture
def load() -> Callable[..., Any]:
    """Return a function that loads a class by name from weights with the hub's names."""

    def read(name: str, state: dict[str, torch.Tensor], **settings: Any) -> Any:
        config = SmallConfig(**{**SMALL, **settings})
        return CLASSES[name].from_pretrained(None, config=config, state_dict=state)

    return read
