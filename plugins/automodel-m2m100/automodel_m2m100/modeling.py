"""M2M100: pre-norm layers over scaled embeddings and sinusoidal positions that skip padding."""

from __future__ import annotations

from typing import Any

import automodel_core.families.fairseq as fairseq
from automodel_core import layers
from automodel_m2m100.configuration import M2M100Config


class M2M100PreTrainedModel(fairseq.FairseqPreTrainedModel):
    """What all M2M100 models share."""

    config_class = M2M100Config
    config: M2M100Config
    norm_first = True

    @classmethod
    def make_embeddings(cls, config: Any, *, decoder: bool) -> fairseq.SummedEmbeddings:
        positions = layers.PaddedSinusoidalPositions(
            config.max_position_embeddings + 2, config.d_model, config.pad_token_id
        )
        return fairseq.SummedEmbeddings(
            fairseq.token_embedding(config), positions, dropout=config.dropout
        )


class M2M100Model(M2M100PreTrainedModel, fairseq.FairseqModel):
    """The encoder-decoder without a head."""


class M2M100ForConditionalGeneration(
    M2M100PreTrainedModel, fairseq.FairseqForConditionalGeneration
):
    """M2M100 with an output layer, for text in one language and its translation."""

    model_class = M2M100Model
