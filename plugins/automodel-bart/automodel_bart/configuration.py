"""The configuration of BART."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq import FairseqConfig
from automodel_core.fields import Probability


class BartConfig(FairseqConfig):
    """BART (https://arxiv.org/abs/1910.13461)."""

    model_type = "bart"
    labels_by_default = 3

    classifier_dropout: Probability = 0.0
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 2
    forced_eos_token_id: TokenId = 2
