"""Both DeBERTas' heads and configurations, to compare with the reference."""

from __future__ import annotations

from typing import Any

import automodel_deberta
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["ANSWERS", "DEBERTA", "DEBERTA_V2"]


class PreciseAnswers(Family):
    """One whose reference normalises by hand: that rounds more than an answer's gradients are."""

    def pair(self, case: Case, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
        reference, model = super().pair(case, head, seed, **more)
        return reference.double(), model.double()


ANSWERING = "DebertaForQuestionAnswering"
SMALL = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 24, "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"], "position_biased_input": False,
}  # fmt: skip
V3 = {"position_buckets": 6, "norm_rel_ebd": "layer_norm", "share_att_key": True}

DEBERTA = Family(
    package=automodel_deberta,
    heads=tuple(head for head in model_names("deberta") if head != ANSWERING),
    small=SMALL,
    cases={
        "plain": Case(),
        "unpadded, odd heads": Case(
            {"num_attention_heads": 5, "hidden_size": 35, "max_position_embeddings": 6},
            padding="none",
            lengths=(7, 0),
        ),
        "padded left, of contents only": Case(
            {"relative_attention": False, "pos_att_type": None, "position_biased_input": True},
            padding="left",
        ),
        "positions of keys, as text": Case({"pos_att_type": "C2P", "hidden_act": "relu"}),
        "positions of queries": Case({"pos_att_type": ["p2c"], "pooler_hidden_act": "tanh"}),
        "far distances are one": Case({"max_relative_positions": 4}),
        "talking heads": Case({"talking_head": True, "num_attention_heads": 4}),
        "types, positions, narrow embeddings": Case({
            "type_vocab_size": 3, "position_biased_input": True, "embedding_size": 12,
            "cls_dropout": 0.2, "layer_norm_eps": 1e-3,
        }),
    },
    pad=0,
)  # fmt: skip
ANSWERS = PreciseAnswers(
    package=automodel_deberta,
    heads=(ANSWERING,),
    small=SMALL,
    cases=DEBERTA.cases,
    by_head={ANSWERING: {"num_labels": 2}},
    pad=0,
)
DEBERTA_V2 = Family(
    package=automodel_deberta,
    heads=model_names("deberta-v2"),
    small=SMALL,
    cases={
        "third version": Case(V3),
        "own projections": Case({"position_buckets": 6}, padding="none"),
        "no buckets": Case({"max_relative_positions": 5, "norm_rel_ebd": "layer_norm"}),
        "convolved": Case(
            {**V3, "conv_kernel_size": 3, "conv_act": "gelu", "attention_head_size": 8}
        ),
        "convolved in groups, padded left": Case(
            {"conv_kernel_size": 5, "conv_groups": 2}, padding="left"
        ),
        "positions of keys": Case({**V3, "pos_att_type": "c2p"}),
        "of contents only": Case({"relative_attention": False, "position_biased_input": True}),
        "of contents only, with a norm of distances": Case({
            "relative_attention": False, "position_biased_input": True,
            "norm_rel_ebd": "layer_norm",
        }),
        "types, narrow embeddings": Case(
            {**V3, "type_vocab_size": 2, "embedding_size": 12, "pooler_hidden_act": "tanh"}
        ),
    },
    by_head={"DebertaV2ForQuestionAnswering": {"num_labels": 2}},
    pad=0,
)  # fmt: skip
