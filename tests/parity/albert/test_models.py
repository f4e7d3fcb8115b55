"""ALBERT against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_albert
from automodel_core.testing import model_names
from support.family import CHOICES, ROWS, Case, Family
from support.parity import IS_5, ArchitectureParity
from support.reference import assert_same_outputs

ALBERT = Family(
    package=automodel_albert,
    heads=model_names("albert"),
    small={
        "vocab_size": 40, "embedding_size": 12, "hidden_size": 16, "intermediate_size": 28,
        "num_hidden_layers": 3, "num_attention_heads": 2, "max_position_embeddings": 24,
    },
    cases={
        "plain": Case(),
        "unpadded": Case(padding="none"),
        "padded left": Case({"hidden_act": "relu"}, padding="left"),
        "two groups of five turns": Case({"num_hidden_layers": 5, "num_hidden_groups": 2}),
        "a layer for each turn": Case({"num_hidden_groups": 3}),
        "embeddings as wide as states": Case({"embedding_size": 16, "hidden_act": "gelu"}),
        "one layer, one head": Case({"num_hidden_layers": 1, "num_attention_heads": 1}),
        "five odd heads": Case({"num_attention_heads": 5, "hidden_size": 35}, lengths=(7, 0)),
        "other tokens": Case(
            {"type_vocab_size": 3, "pad_token_id": 1, "bos_token_id": 4, "vocab_size": 43}
        ),
        "large epsilon": Case({"layer_norm_eps": 1e-2, "classifier_dropout_prob": 0.0}),
    },
    pad=0,
    end=3,
)  # fmt: skip


class TestAlbert(ArchitectureParity):
    family = ALBERT

    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        shape = (ROWS, CHOICES) if head.endswith("ForMultipleChoice") else (ROWS,)
        kinds = case.settings.get("type_vocab_size", 2)
        chance = torch.Generator().manual_seed(6)
        types = torch.randint(0, kinds, (*shape, case.lengths[0]), generator=chance)
        return {"token_type_ids": types}

    def arguments(self, case: Case, head: str, config: Any = None, rows: int = ROWS) -> Any:
        given = super().arguments(case, head, config, rows)
        if config is not None and head == "AlbertForPreTraining":
            labels = given["input_ids"].clone()
            labels[1, 2:] = -100
            given |= {"labels": labels, "sentence_order_label": torch.tensor([1, 0, 0])}
        return given

    def test_embeddings_may_be_given(self, head: str) -> None:
        """They are as wide as the embeddings of tokens, not as states."""
        case = ALBERT.cases["embeddings as wide as states"]
        reference, model = ALBERT.pair(case, head)
        given = self.arguments(case, head)
        ids = given.pop("input_ids")
        given["inputs_embeds"] = torch.randn(*ids.shape, 16)
        with torch.no_grad():
            assert_same_outputs(model(**given), reference(**given))


@pytest.mark.skipif(not IS_5, reason="transformers 4 shows the states behind each group only")
@torch.no_grad()
def test_groups_of_several_layers() -> None:
    case = Case({"num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 3})
    seen = {"output_hidden_states": True, "output_attentions": True}
    for head in ("AlbertModel", "AlbertForPreTraining"):
        reference, model = ALBERT.pair(case, head)
        given = ALBERT.batch(case, head)
        assert_same_outputs(model(**given, **seen), reference(**given, **seen))
        assert model.hub_state_dict().keys() == reference.state_dict().keys()


@torch.no_grad()
def test_an_output_layer_of_its_own() -> None:
    case = Case({"tie_word_embeddings": False}, untied=True)
    reference = ALBERT.reference(case, "AlbertForMaskedLM")
    # Of its two names for one bias, the reference uses the second.
    reference.predictions.bias.copy_(reference.predictions.decoder.bias)
    model = ALBERT.ours_from(reference)
    given = ALBERT.batch(case, "AlbertForMaskedLM")
    assert_same_outputs(model(**given), reference(**given))
    assert model.hub_state_dict().keys() == reference.state_dict().keys()
