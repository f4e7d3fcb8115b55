"""The test package of a Llama against the reference."""

from __future__ import annotations

from typing import Any

import pytest

import automodel_llama
from support.family import ROWS, Case, Family
from support.parity import IS_5, ArchitectureParity

SCALED = {"original_max_position_embeddings": 16, "factor": 4.0, "rope_theta": 500.0}
LLAMA = Family(
    package=automodel_llama,
    heads=(
        "LlamaModel", "LlamaForCausalLM", "LlamaForSequenceClassification",
        "LlamaForTokenClassification", "LlamaForQuestionAnswering",
    ),
    small={
        "vocab_size": 40, "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 48,
        "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1,
    },
    cases={
        "grouped heads": Case(),
        "one shared head, biases": Case(
            {"num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True}, padding="none"
        ),
        "equal, wide heads": Case({
            "num_key_value_heads": 4, "head_dim": 10, "rope_parameters": {
                "rope_type": "default", "rope_theta": 100.0,
            },
        }),
        "tied": Case({"tie_word_embeddings": True, "rms_norm_eps": 1e-3}, lengths=(13, 0)),
        "llama 3": Case({"rope_parameters": {
            **SCALED, "rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        }}),
        "linear": Case({"rope_parameters": {**SCALED, "rope_type": "linear"}}),
        "dynamic": Case({
            "max_position_embeddings": 12, "rope_parameters": {**SCALED, "rope_type": "dynamic"},
        }),
        "long rope": Case({"max_position_embeddings": 40, "rope_parameters": {
            "rope_type": "longrope", "rope_theta": 500.0, "original_max_position_embeddings": 10,
            "short_factor": [1.0, 1.5, 2.0], "long_factor": [2.0, 5.0, 9.0],
        }}),
        "yarn": Case({"rope_parameters": {**SCALED, "rope_type": "yarn", "beta_fast": 4.0}}),
        "yarn, weighed": Case({"rope_parameters": {
            **SCALED, "rope_type": "yarn", "mscale": 0.7, "mscale_all_dim": 1.3, "truncate": False,
        }}),
    },
)  # fmt: skip


pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


class TestLlama(ArchitectureParity):
    family = LLAMA
    untested_keys = ("head_dim", "num_key_value_heads", "rope_parameters", "rope_scaling")

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = super().arguments(case, head, config, rows)
        keeps_none = config is not None or head != "LlamaForCausalLM"
        return given | {"use_cache": False} if keeps_none else given
