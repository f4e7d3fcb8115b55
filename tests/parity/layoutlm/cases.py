"""LayoutLM's heads and configurations, to compare with the reference."""

from __future__ import annotations

import automodel_layoutlm
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["LAYOUTLM"]

LAYOUTLM = Family(
    package=automodel_layoutlm,
    heads=model_names("layoutlm"),
    small={
        "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 24, "max_2d_position_embeddings": 50,
    },
    cases={
        "plain": Case(),
        "unpadded": Case(padding="none"),
        "padded left": Case({"hidden_act": "relu"}, padding="left"),
        "a small page": Case({"max_2d_position_embeddings": 3}),
        "one layer, one head": Case({"num_hidden_layers": 1, "num_attention_heads": 1}),
        "five odd heads": Case({"num_attention_heads": 5, "hidden_size": 35}, lengths=(7, 0)),
        "three token types": Case({"type_vocab_size": 3, "layer_norm_eps": 1e-2}),
        "five labels": Case({"num_labels": 5, "hidden_act": "gelu_new"}),
        "another padding": Case({"pad_token_id": 1, "vocab_size": 43}, padding="left"),
        "no padding": Case({"pad_token_id": None}, lengths=(4, 0), padding="none"),
    },
    by_head={"LayoutLMForQuestionAnswering": {"num_labels": 2}},
    pad=0,
)  # fmt: skip
