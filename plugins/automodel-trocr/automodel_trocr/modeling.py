"""TrOCR: post-norm layers over learned or sinusoidal positions, for text in an image."""

from __future__ import annotations

from typing import Any

import automodel_core.families.fairseq as fairseq
from automodel_core import layers
from automodel_core.checkpoint import WeightNames
from automodel_core.layers import layer_norm
from automodel_trocr.configuration import TrOCRConfig


class TrOCRPreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What TrOCR's models share."""

    config_class = TrOCRConfig
    config: TrOCRConfig
    norm_first = False

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        count, size, padding = config.max_position_embeddings, config.d_model, config.pad_token_id
        return fairseq.SummedEmbeddings(
            fairseq.token_embedding(config),
            layers.LearnedPositions(count, size, offset=2)
            if config.use_learned_position_embeddings
            else layers.PaddedSinusoidalPositions(count + padding + 1, size, padding),
            layer_norm(size) if config.layernorm_embedding else None,
            config.dropout,
        )


class TrOCRDecoderModel(TrOCRPreTrainedModel, fairseq.FairseqDecoder):
    """The decoder alone, without a head."""


class TrOCRForCausalLM(TrOCRPreTrainedModel, fairseq.FairseqForCausalLM):
    """The decoder with an output layer, for use beside an encoder of images."""

    model_class = TrOCRDecoderModel

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return super().weight_names(config) | WeightNames({"output_projection": "lm_head"})
