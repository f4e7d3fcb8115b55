"""The configuration of BERT."""

from __future__ import annotations

from automodel_core.families.bert import BertFamilyConfig


class BertConfig(BertFamilyConfig):
    """BERT (https://arxiv.org/abs/1810.04805): an encoder, or with ``is_decoder`` a decoder."""

    model_type = "bert"
