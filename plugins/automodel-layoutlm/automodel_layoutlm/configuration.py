"""The configuration of LayoutLM."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import PositiveInt


class LayoutLMConfig(BertFamilyConfig):
    """LayoutLM (https://arxiv.org/abs/1912.13318): BERT with places on a page."""

    model_type = "layoutlm"

    max_2d_position_embeddings: PositiveInt = 1024
