"""RoBERTa, XLM-RoBERTa and CamemBERT against the reference: numbers, files, generation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_roberta
from support.family import Case, Family
from support.parity import IS_5, ArchitectureParity
from support.reference import assert_same_outputs

KINDS = (
    "Model", "ForMaskedLM", "ForCausalLM", "ForSequenceClassification", "ForMultipleChoice",
    "ForTokenClassification", "ForQuestionAnswering",
)  # fmt: skip
SMALL = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 34, "type_vocab_size": 1,
    "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
}  # fmt: skip


def member(name: str, cases: dict[str, Case]) -> Family:
    """Return one of the three, which have the same heads."""
    return Family(
        package=automodel_roberta,
        heads=tuple(name + kind for kind in KINDS),
        small=SMALL,
        cases=cases,
        by_head={
            f"{name}ForCausalLM": {"is_decoder": True},
            f"{name}ForQuestionAnswering": {"num_labels": 2},
        },
    )


class RobertaParity(ArchitectureParity):
    @pytest.mark.skipif(not IS_5, reason="transformers 4 repeats the last position given")
    @pytest.mark.parametrize("beams", [1, 3])
    def test_generated_ids(self, name: str, writer: str, beams: int) -> None:
        super().test_generated_ids(name, writer, beams)

    def prompt(self, case: Case, writer: str, rows: int) -> dict[str, Any]:
        """Say the positions: with ``generate`` the reference begins at 0."""
        given = super().prompt(case, writer, rows)
        mask = given.get("attention_mask", torch.ones_like(given["input_ids"]))
        padding = case.settings.get("pad_token_id", self.family.pad)
        return given | {"position_ids": (mask.cumsum(-1) + padding) * mask}


class TestRoberta(RobertaParity):
    family = member(
        "Roberta",
        {
            "padded": Case(),
            "three layers": Case(
                {"num_attention_heads": 4, "num_hidden_layers": 3, "hidden_size": 20},
                padding="none",
            ),
            "another activation": Case({"hidden_act": "gelu_new"}, padding="none"),
            "padding of 0, two types": Case({"pad_token_id": 0, "type_vocab_size": 2}),
            "far padding": Case({"pad_token_id": 5, "max_position_embeddings": 40}),
            "one layer, one head": Case(
                {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 6}
            ),
            "five heads, one label": Case(
                {"num_attention_heads": 5, "hidden_size": 35, "num_labels": 1}
            ),
            "relu, five labels": Case(
                {"hidden_act": "relu", "num_labels": 5, "layer_norm_eps": 1e-2}, lengths=(17, 6)
            ),
        },
    )


class TestXLMRoberta(RobertaParity):
    family = member("XLMRoberta", {"padded": Case({"layer_norm_eps": 1e-5})})


class TestCamembert(RobertaParity):
    family = member("Camembert", {"padded": Case({"layer_norm_eps": 1e-5})})


@torch.no_grad()
def test_padding_on_the_left() -> None:
    family = TestRoberta.family
    reference, model = family.pair(Case(), "RobertaModel")
    given = family.batch(Case(padding="left"), "RobertaModel")
    assert_same_outputs(model(**given), reference(**given))


@torch.no_grad()
def test_no_token_is_padding() -> None:
    """The reference then needs positions that are given, as `generate` does, from 0."""
    family = TestRoberta.family
    reference, model = family.pair(Case(), "RobertaForCausalLM", pad_token_id=None)
    given = family.batch(Case(padding="none"), "RobertaForCausalLM")
    length = given["input_ids"].shape[1]
    assert model.config.position_limit == model.config.max_position_embeddings
    placed = {**given, "position_ids": torch.arange(length).expand(len(given["input_ids"]), -1)}
    expected = reference(**placed)
    for found in (model(**placed), model(**given)):
        assert_same_outputs(found, expected)
    written = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    ids = given["input_ids"]
    assert torch.equal(model.generate(ids, **written), reference.generate(ids, **written))


@torch.no_grad()
def test_a_decoder_attends_to_an_encoder() -> None:
    family = TestRoberta.family
    reference, model = family.pair(Case(), "RobertaForCausalLM", add_cross_attention=True)
    given = family.batch(Case(), "RobertaForCausalLM")
    chance = torch.Generator().manual_seed(3)
    encoder = {
        "encoder_hidden_states": torch.randn(3, 5, 16, generator=chance),
        "encoder_attention_mask": torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [1] * 5]),
    }
    seen = {"output_attentions": True, "use_cache": False}
    assert_same_outputs(model(**given, **encoder, **seen), reference(**given, **encoder, **seen))


@torch.no_grad()
def test_an_output_layer_of_its_own() -> None:
    family = TestRoberta.family
    case = Case({"tie_word_embeddings": False}, untied=True)
    reference = family.reference(case, "RobertaForMaskedLM")
    # Of its two names for one bias, the reference uses the second.
    reference.lm_head.bias.copy_(reference.lm_head.decoder.bias)
    model = family.ours_from(reference)
    given = family.batch(case, "RobertaForMaskedLM")
    assert_same_outputs(model(**given), reference(**given))
    assert model.hub_state_dict().keys() == reference.state_dict().keys()


@pytest.mark.skipif(IS_5, reason="transformers 5 has dropped them")
@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
@torch.no_grad()
def test_relative_positions(kind: str) -> None:
    family = TestRoberta.family
    reference, model = family.pair(Case({"position_embedding_type": kind}), "RobertaModel")
    given = family.batch(Case(), "RobertaModel")
    assert_same_outputs(model(**given), reference(**given))
