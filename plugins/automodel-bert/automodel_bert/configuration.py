"""The configuration of BERT."""

from __future__ import annotations

from typing import Literal

from automodel_core.families.bert import BertFamilyConfig


class BertConfig(BertFamilyConfig):
    """BERT (https://arxiv.org/abs/1810.04805): an encoder, or with ``is_decoder`` a decoder."""

    model_type = "bert"

    position_embedding_type: Literal["absolute", "relative_key", "relative_key_query"] = "absolute"
