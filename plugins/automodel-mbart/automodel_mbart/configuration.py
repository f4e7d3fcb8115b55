"""The configuration of mBART and mBART-50."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq import FairseqConfig
from automodel_core.fields import Probability


class MBartConfig(FairseqConfig):
    """mBART (https://arxiv.org/abs/2001.08210) and mBART-50 (https://arxiv.org/abs/2008.00401).

    The first token of a translation is the code of its language, so no token begins all of them.
    """

    model_type = "mbart"

    classifier_dropout: Probability = 0.0
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    forced_eos_token_id: TokenId = 2
