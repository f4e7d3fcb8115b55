"""The test package of a Mamba against the reference."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

import automodel_mamba
from support.family import ROWS, Case, Family
from support.parity import IS_5, ArchitectureParity, target
from support.reference import assert_close, assert_same_gradients

MAMBA = Family(
    package=automodel_mamba,
    heads=("MambaModel", "MambaForCausalLM"),
    small={
        "vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "state_size": 5,
        "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1,
    },
    cases={
        "plain": Case(),
        "biases, wide": Case({"use_bias": True, "expand": 3, "time_step_rank": 4}, padding="none"),
        "long kernel": Case({"conv_kernel": 6, "use_conv_bias": False}, lengths=(13, 0)),
    },
)  # fmt: skip


pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


class TestMamba(ArchitectureParity):
    family = MAMBA
    untested_keys = ("time_step_rank",)

    # The reference has neither, nor the states of the embeddings among its hidden states.
    test_either_attention_implementation = None
    test_tuples_have_the_same_order = None
    # Other values of ours, of the same size, stand in for its own recipe.
    test_first_values_have_the_same_spread = None

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = super().arguments(case, head, config, rows)
        keeps_none = config is not None or head == "MambaModel"
        return given | {"use_cache": False} if keeps_none else given

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, head, zlib.crc32(name.encode()))
        given = self.arguments(case, head, reference.config)
        theirs, ours = reference(**given), model(**given)
        for key in ("last_hidden_state", "logits", "loss"):
            if key in theirs:
                assert_close(ours[key], theirs[key], key)
        target(theirs, given).backward()
        target(ours, given).backward()
        assert_same_gradients(model, reference)
