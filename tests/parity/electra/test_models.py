"""ELECTRA against the reference: numbers, files, generation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_electra
from support.family import Case, Family
from support.parity import IS_5, ArchitectureParity
from support.reference import assert_same_outputs

HEADS = (
    "ElectraModel", "ElectraForPreTraining", "ElectraForMaskedLM", "ElectraForCausalLM",
    "ElectraForSequenceClassification", "ElectraForMultipleChoice", "ElectraForTokenClassification",
    "ElectraForQuestionAnswering",
)  # fmt: skip


class TestElectra(ArchitectureParity):
    family = Family(
        package=automodel_electra,
        heads=HEADS,
        small={
            "vocab_size": 40, "embedding_size": 10, "hidden_size": 16, "intermediate_size": 28,
            "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 34,
        },
        cases={
            "padded": Case(),
            "embeddings as wide as states": Case({"embedding_size": 16}, padding="none"),
            "three layers, last states": Case({"num_hidden_layers": 3, "summary_type": "last"}),
            "one layer, one head, means": Case(
                {"num_hidden_layers": 1, "num_attention_heads": 1, "summary_type": "mean"}
            ),
            "five heads, one label": Case(
                {"num_attention_heads": 5, "hidden_size": 35, "num_labels": 1}
            ),
            "relu, five labels": Case({"hidden_act": "relu", "num_labels": 5}, lengths=(17, 6)),
            "no projection, far padding": Case({"summary_use_proj": False, "pad_token_id": 5}),
            "output layer of its own": Case(
                {"tie_word_embeddings": False, "summary_activation": "tanh"}, untied=True
            ),
        },
        by_head={
            # transformers 4 returns no cache unless it is asked for one.
            "ElectraForCausalLM": {"is_decoder": True, "use_cache": IS_5},
            "ElectraForQuestionAnswering": {"num_labels": 2},
        },
        pad=0,
    )  # fmt: skip

    def arguments(self, case: Case, head: str, config: Any = None, rows: int = 3) -> dict[str, Any]:
        given = super().arguments(case, head, config, rows)
        if head == "ElectraForPreTraining" and config is not None:
            given["labels"] = given["input_ids"] % 2
        return given


@torch.no_grad()
def test_a_decoder_attends_to_an_encoder() -> None:
    family = TestElectra.family
    reference, model = family.pair(Case(), "ElectraForCausalLM", add_cross_attention=True)
    given = family.batch(Case(), "ElectraForCausalLM")
    encoder = {
        "encoder_hidden_states": torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(3)),
        "encoder_attention_mask": torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [1] * 5]),
    }
    seen = {"output_attentions": True, "use_cache": False}
    assert_same_outputs(model(**given, **encoder, **seen), reference(**given, **encoder, **seen))


@pytest.mark.skipif(IS_5, reason="transformers 5 has dropped them")
@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
@torch.no_grad()
def test_relative_positions(kind: str) -> None:
    family = TestElectra.family
    reference, model = family.pair(Case({"position_embedding_type": kind}), "ElectraModel")
    given = family.batch(Case(), "ElectraModel")
    assert_same_outputs(model(**given), reference(**given))


@torch.no_grad()
def test_a_generator_becomes_a_discriminator(tmp_path: Path) -> None:
    family = TestElectra.family
    reference = family.reference(Case(), "ElectraForMaskedLM")
    reference.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "electra"
    model = automodel_electra.ElectraForPreTraining.from_pretrained(tmp_path)
    report = model.load_report
    assert report is not None
    assert {name.split(".")[0] for name in report.missing} == {"discriminator_predictions"}
    given = family.batch(Case(), "ElectraModel")
    expected = reference.electra(**given).last_hidden_state
    torch.testing.assert_close(model.base_model(**given).last_hidden_state, expected)
