"""GPT-2's heads and configurations, to compare with the reference."""

from __future__ import annotations

from dataclasses import replace

import automodel_gpt2
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["GPT2", "GPT2_WITH_CONTEXT"]

GPT2 = Family(
    package=automodel_gpt2,
    heads=(*model_names("gpt2"), "GPT2DoubleHeadsModel"),
    small={
        "vocab_size": 40, "n_positions": 48, "n_embd": 16, "n_layer": 2, "n_head": 2,
        "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, "summary_first_dropout": 0.0,
    },
    cases={
        "plain": Case(),
        "unpadded, three labels": Case({"num_labels": 3}, padding="none"),
        "narrow, unscaled": Case({
            "n_inner": 12, "n_layer": 1, "activation_function": "relu",
            "scale_attn_weights": False, "layer_norm_epsilon": 1e-3,
        }),
        "odd heads": Case({"n_embd": 15, "n_head": 5, "n_layer": 3}, lengths=(13, 0)),
        "scaled by layer": Case({
            "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "n_layer": 4,
        }),
        "untied, silu": Case(
            {"tie_word_embeddings": False, "activation_function": "silu"}, untied=True,
        ),
        "constrained writing": Case(
            {"activation_function": "gelu"},
            generation={
                "no_repeat_ngram_size": 2, "min_length": 12, "bad_words_ids": [[7], [5, 6]],
            },
        ),
    },
)  # fmt: skip

# Without states to attend to, transformers 4 fails to show the weights of such layers.
GPT2_WITH_CONTEXT = replace(
    GPT2,
    heads=("GPT2Model", "GPT2LMHeadModel"),
    cases={"cross-attention": Case({"add_cross_attention": True, "n_head": 4, "n_layer": 3})},
)
