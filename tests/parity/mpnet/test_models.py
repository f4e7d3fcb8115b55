"""MPNet against the reference: numbers and files."""

from __future__ import annotations

import automodel_mpnet
from support.family import Case, Family
from support.parity import ArchitectureParity


class TestMPNet(ArchitectureParity):
    family = Family(
        package=automodel_mpnet,
        heads=(
            "MPNetModel", "MPNetForMaskedLM", "MPNetForSequenceClassification",
            "MPNetForMultipleChoice", "MPNetForTokenClassification", "MPNetForQuestionAnswering",
        ),
        small={
            "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
            "num_attention_heads": 2, "max_position_embeddings": 34,
        },
        cases={
            "padded": Case(),
            "padded on the left": Case(padding="left"),
            "three layers": Case({"num_hidden_layers": 3}, padding="none"),
            "one layer, one head": Case(
                {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 6}
            ),
            "five heads, one label": Case(
                {"num_attention_heads": 5, "hidden_size": 35, "num_labels": 1}
            ),
            "relu, five labels": Case({"hidden_act": "relu", "num_labels": 5}, lengths=(29, 6)),
            "far distances": Case({"max_position_embeddings": 180}, lengths=(170, 6)),
            "token 0 pads": Case({"pad_token_id": 0}),
            "no token pads": Case({"pad_token_id": None}, padding="left"),
            "output layer of its own": Case({"layer_norm_eps": 1e-2}, lengths=(17, 6)),
        },
        by_head={"MPNetForQuestionAnswering": {"num_labels": 2}},
    )  # fmt: skip
