"""Both DeBERTas against the reference."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

import automodel_deberta
from automodel_deberta.distances import Distances
from parity.deberta.cases import ANSWERS, DEBERTA, DEBERTA_V2
from support.family import CHOICES, ROWS, Case
from support.parity import IS_5, ArchitectureParity
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

# Transformers 4 scripts functions of these modules when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")


class DebertaParity(ArchitectureParity):
    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        shape = (ROWS, CHOICES) if head.endswith("ForMultipleChoice") else (ROWS,)
        kinds = case.settings.get("type_vocab_size", 0) or 2  # which are ignored without types
        chance = torch.Generator().manual_seed(6)
        types = torch.randint(0, kinds, (*shape, case.lengths[0]), generator=chance)
        return {"token_type_ids": types}

    @pytest.mark.skip(reason="the reference has one, which the others compare with")
    def test_either_attention_implementation(self, head: str, implementation: str) -> None: ...


class TestDeberta(DebertaParity):
    family = DEBERTA


class TestDebertaAnswers(DebertaParity):
    family = ANSWERS

    @pytest.mark.skip(reason="in single precision, as of the other heads")
    def test_embeddings_may_be_given(self, head: str) -> None: ...


class TestDebertaV2(DebertaParity):
    family = DEBERTA_V2


HEADS = [(DEBERTA, name) for name in DEBERTA.heads] + [(DEBERTA_V2, n) for n in DEBERTA_V2.heads]


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize(("family", "head"), HEADS, ids=lambda value: str(value)[:30])
def test_attention_functions(family: Any, head: str, implementation: str) -> None:
    reference = family.reference(Case(), head)
    model = family.ours_from(reference, attn_implementation=implementation)
    given = family.batch(Case(), head)
    for gathers in (False, True):
        with torch.set_grad_enabled(gathers):
            assert_same_outputs(model(**given), reference(**given))


@pytest.mark.parametrize("length", [3, 128, 130, 300, 900])
@torch.no_grad()
def test_buckets_and_blocks_of_many_tokens(length: int) -> None:
    """As many distances as in released checkpoints, in blocks and not."""
    settings = {
        "position_buckets": 256, "max_position_embeddings": 512, "norm_rel_ebd": "layer_norm",
        "share_att_key": True, "num_hidden_layers": 1,
    }  # fmt: skip
    reference, model = DEBERTA_V2.pair(Case(settings), "DebertaV2Model")
    ids = torch.randint(3, 40, (2, length), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, length // 2 :] = 0
    for given in (None, mask):
        expected = reference(ids, attention_mask=given)
        assert_same_outputs(model(ids, attention_mask=given), expected)
        assert_same_outputs(model(ids, attention_mask=given), expected)  # by what was kept
        with torch.enable_grad():
            assert_same_outputs(model(ids, attention_mask=given), expected)


def test_buckets_are_the_same() -> None:
    module = importlib.import_module("transformers.models.deberta_v2.modeling_deberta_v2")
    for span, limit, reach in ((256, 512, 1500), (6, 24, 60), (4, 20, 40), (320, 640, 900)):
        ours = Distances(span, limit, 1, buckets=True, norm=None)
        distances = torch.arange(-reach, reach)
        buckets = module.make_log_bucket_position(distances, span, limit).long()
        expected = (buckets + span).clamp(0, 2 * span - 1)
        assert torch.equal(ours._rows(distances), expected)


@torch.no_grad()
def test_kept_distances_follow_their_weights() -> None:
    reference, model = DEBERTA_V2.pair(
        Case(DEBERTA_V2.cases["third version"].settings), HEADS[-1][1]
    )
    given = DEBERTA_V2.batch(Case(), HEADS[-1][1])
    assert_same_outputs(model(**given), reference(**given))
    for theirs, ours in (
        (reference.deberta.encoder.rel_embeddings, model.model.distances.table),
        (reference.deberta.encoder.LayerNorm, model.model.distances.norm),
        (
            reference.deberta.encoder.layer[1].attention.self.key_proj,
            model.model.stack.layers[1].self_attn.k_proj,
        ),
    ):
        for layer in (theirs, ours):
            layer.weight.data.mul_(1.5)
        assert_same_outputs(model(**given), reference(**given))


@pytest.mark.skipif(not IS_5, reason="transformers 4 ties another layer of this head")
@pytest.mark.parametrize("name", ["DebertaForMaskedLM", "DebertaV2ForMaskedLM"])
def test_the_head_of_pretraining(name: str, tmp_path: Path) -> None:
    """Released files hold it; the reference reads it with ``legacy=False`` only."""
    family = DEBERTA if name == "DebertaForMaskedLM" else DEBERTA_V2
    reference = family.reference(Case({"legacy": False}), name)
    reference.save_pretrained(tmp_path)
    given = family.batch(Case(), name)
    labels = given["input_ids"].clone()
    expected = reference(**given, labels=labels)
    for legacy in (False, True):
        model, info = getattr(automodel_deberta, name).from_pretrained(
            tmp_path, legacy=legacy, output_loading_info=True
        )
        assert not any(info.values()), info
        found = model(**given, labels=labels)
        assert_same_outputs(found, expected)
    model = getattr(automodel_deberta, name).from_pretrained(tmp_path, legacy=False)
    expected.loss.backward()
    model(**given, labels=labels).loss.backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    found = model.weight_names(model.config).hub_state_dict(gradients)
    for key, weight in reference.named_parameters():
        assert_close(found[key], weight.grad, key, floor=0.01)
    model.save_pretrained(tmp_path / "ours")
    again, info = getattr(transformers, name).from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not any(info.values()), info
    with torch.no_grad():
        assert_close(again.eval()(**given).logits, expected.logits)


LABELS: dict[str, tuple[int, str | None, Tensor]] = {
    "class": (3, None, torch.tensor([2, 0, 1])),
    "some without": (3, None, torch.tensor([2, -1, 1])),
    "shares": (3, None, torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])),
    "number": (1, "regression", torch.tensor([0.5, 1.0, -1.0])),
    "labels": (3, "multi_label_classification", torch.rand(3, 3).round()),
    "class said": (3, "single_label_classification", torch.tensor([2, 0, 1])),
}


@pytest.mark.parametrize("kind", LABELS)
def test_problem_types(kind: str) -> None:
    num_labels, problem, labels = LABELS[kind]
    case = Case({"num_labels": num_labels, "problem_type": problem})
    for family in (DEBERTA, DEBERTA_V2):
        head = family.heads[
            [name.endswith("ForSequenceClassification") for name in family.heads].index(True)
        ]
        reference, model = family.pair(case, head)
        given = family.batch(case, head)
        ours, theirs = model(**given, labels=labels), reference(**given, labels=labels)
        assert_close(ours.loss, theirs.loss)
        ours.loss.backward()
        theirs.loss.backward()
        assert_same_gradients(model, reference)


def test_a_batch_without_labels_has_no_loss() -> None:
    for family in (DEBERTA, DEBERTA_V2):
        head = next(head for head in family.heads if head.endswith("ForSequenceClassification"))
        case = Case({"num_labels": 3})
        pair, given = family.pair(case, head), family.batch(case, head)
        losses = [each(**given, labels=torch.full((3,), -100)).loss.item() for each in pair]
        assert losses == [0.0, 0.0]
