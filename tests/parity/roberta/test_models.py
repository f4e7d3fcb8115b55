"""The test package of a RoBERTa, a descendant of BERT, against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_roberta
from support.family import Case, Family
from support.parity import IS_5, ArchitectureParity, assert_same_generation, generated
from support.reference import assert_same_outputs

HEADS = (
    "RobertaModel",
    "RobertaForMaskedLM",
    "RobertaForCausalLM",
    "RobertaForSequenceClassification",
    "RobertaForTokenClassification",
    "RobertaForQuestionAnswering",
)
ROBERTA = Family(
    package=automodel_roberta,
    heads=HEADS,
    small={
        "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 34, "type_vocab_size": 1,
        "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
    },
    cases={
        "padded": Case(),
        "other sizes": Case({"num_attention_heads": 4, "num_hidden_layers": 3}, padding="none"),
        "other padding": Case({"pad_token_id": 0, "type_vocab_size": 2, "hidden_act": "relu"}),
    },
    by_head={"RobertaForCausalLM": {"is_decoder": True}},
)  # fmt: skip

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


class TestRoberta(ArchitectureParity):
    family = ROBERTA

    @pytest.mark.parametrize("beams", [1, 3])
    def test_generated_ids(self, name: str, writer: str, beams: int) -> None:
        """The reference's ``generate`` begins at position 0, its forward behind the padding's."""
        case = self.family.cases[name]
        reference, model = self.family.pair(case, writer, seed=3)
        settings: dict[str, Any] = {"max_new_tokens": 8, "num_beams": beams}
        for rows in (1, 3):
            given = self.prompt(case, writer, rows)
            mask = given.get("attention_mask", torch.ones_like(given["input_ids"]))
            positions = (mask.cumsum(-1) + reference.config.pad_token_id) * mask
            expected = generated(reference, {**given, "position_ids": positions}, settings)
            assert_same_generation(generated(model, given, settings), expected, settings)


@torch.no_grad()
def test_an_output_layer_of_its_own() -> None:
    case = Case({"tie_word_embeddings": False, "layer_norm_eps": 1e-3}, untied=True)
    reference = ROBERTA.reference(case, "RobertaForMaskedLM")
    # Of its two names for one bias, the reference uses the second.
    reference.lm_head.bias.copy_(reference.lm_head.decoder.bias)
    model = ROBERTA.ours_from(reference)
    given = ROBERTA.batch(case, "RobertaForMaskedLM")
    assert_same_outputs(model(**given), reference(**given))
    assert model.hub_state_dict().keys() == reference.state_dict().keys()
