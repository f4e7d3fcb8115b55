"""TAPAS against the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import AutoModelForTableQuestionAnswering
from parity.tapas.cases import ANSWERS, TAPAS, answers, types
from support.family import ROWS, Case
from support.parity import ArchitectureParity
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

QA = "TapasForQuestionAnswering"


@pytest.mark.filterwarnings("ignore:Some non-default generation parameters")  # temperature
class TestTapas(ArchitectureParity):
    family = TAPAS

    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        return {"token_type_ids": types(case)}

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        if head != QA:
            return super().arguments(case, head, config, rows)
        given = {**self.family.batch(case, head, rows), "token_type_ids": types(case, rows)}
        return given if config is None else given | answers(case, given["token_type_ids"])

    @torch.no_grad()
    def test_tuples_have_the_same_order(self, head: str) -> None:
        """Where there are no aggregations, the tuple of the reference has None in their place."""
        case = self.family.cases["aggregations"]
        reference, model = self.family.pair(case, head)
        given = self.arguments(case, head, reference.config) | {"return_dict": False}
        assert_close(model(**given), reference(**given))


@pytest.mark.parametrize("name", ANSWERS)
def test_losses_of_answers(name: str) -> None:
    case = Case(ANSWERS[name], lengths=(12, 0))
    reference, model = TAPAS.pair(case, QA)
    given = {**TAPAS.batch(case, QA), "token_type_ids": types(case)}
    given |= answers(case, given["token_type_ids"])
    found = []
    for each in (reference, model):
        torch.manual_seed(3)
        found.append(each(**given))
        found[-1].loss.backward()
    assert_same_outputs(found[1], found[0])
    assert found[0].loss > 0
    if "gumbel" not in name:  # where the reference learns nothing from what it draws
        assert_same_gradients(model, reference)


@torch.no_grad()
def test_a_mask_of_the_table() -> None:
    case = Case(ANSWERS["any column"])
    reference, model = TAPAS.pair(case, QA)
    given = {**TAPAS.batch(case, QA), "token_type_ids": types(case)}
    given |= answers(case, given["token_type_ids"])
    whole = model(**given).loss
    given["table_mask"] = (given["token_type_ids"][..., 1] > 2).long()
    assert_same_outputs(model(**given), reference(**given))
    assert model(**given).loss != whole


@pytest.mark.parametrize("head", TAPAS.heads)
@torch.no_grad()
def test_positional_arguments_and_no_table(head: str) -> None:
    case = Case()
    reference, model = TAPAS.pair(case, head)
    given = TAPAS.batch(case, head)
    ids, mask, kinds = given["input_ids"], given["attention_mask"], types(case)
    positions = torch.arange(ids.shape[1]).flip(0)[None]
    assert_same_outputs(model(ids, mask, kinds, positions), reference(ids, mask, kinds, positions))
    assert_same_outputs(model(ids), reference(ids))


@torch.no_grad()
def test_an_output_layer_of_its_own() -> None:
    case = Case({"tie_word_embeddings": False}, untied=True)
    reference, model = TAPAS.pair(case, "TapasForMaskedLM")
    given = {**TAPAS.batch(case, ""), "token_type_ids": types(case)}
    assert_same_outputs(model(**given), reference(**given))


@torch.no_grad()
def test_without_one_column_a_model_answers_too() -> None:
    """The reference has no column to choose by then, and fails."""
    case = Case(ANSWERS["any column, by cell"])
    reference, model = TAPAS.pair(case, QA)
    given = {**TAPAS.batch(case, QA), "token_type_ids": types(case)}
    labelled = given | answers(case, given["token_type_ids"])
    with pytest.raises(ValueError, match="logits"):
        reference(**given)
    assert_close(model(**given).logits, reference(**labelled).logits)


def test_what_is_drawn_for_cells_teaches_them() -> None:
    """The reference draws without gradients, so that no answer moves its choice of cells."""
    case = Case({**ANSWERS["gumbel for cells"], "disable_per_token_loss": True})
    reference, model = TAPAS.pair(case, QA)
    given = {**TAPAS.batch(case, QA), "token_type_ids": types(case)}
    given |= answers(case, given["token_type_ids"])
    given["float_answer"] = torch.tensor([1.0, 3.5, -20.0])
    given["labels"] = torch.zeros_like(given["labels"])
    for each in (reference, model):
        each(**given).loss.backward()
    assert reference.output_weights.grad is None or not reference.output_weights.grad.any()
    assert model.cell_score.weight.grad.any()


@pytest.mark.parametrize("starts_at_zero", [False, True])
def test_first_scores_of_cells(starts_at_zero: bool) -> None:
    from automodel_tapas import TapasConfig

    values = {**TAPAS.small, "init_cell_selection_weights_to_zero": starts_at_zero}
    config = TapasConfig(**values, hidden_dropout_prob=0.0)
    model = AutoModelForTableQuestionAnswering.from_config(config)
    for score in (model.cell_score, model.column_score):
        assert bool(score.weight.any()) is not starts_at_zero
        assert not score.bias.any()
