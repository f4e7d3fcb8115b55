"""GPT-2 against the reference: the story of every architecture, and what is GPT-2's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

import automodel_gpt2
from parity.gpt2.cases import GPT2, GPT2_WITH_CONTEXT
from support.family import ROWS, Case
from support.parity import ArchitectureParity
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

KEEPS_A_CACHE = ("GPT2Model", "GPT2DoubleHeadsModel", "GPT2ForSequenceClassification")


class TestGPT2(ArchitectureParity):
    family = GPT2

    def more_arguments(self, case: Case, head: str) -> dict[str, Any]:
        return {"use_cache": False} if head in KEEPS_A_CACHE else {}


class TestGPT2WithContext(TestGPT2):
    family = GPT2_WITH_CONTEXT
    test_bfloat16_is_as_near_to_the_truth_as_the_reference = None  # the context is single precision

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        size = case.settings.get("n_embd", self.family.small["n_embd"])
        states = torch.randn(ROWS, 7, size, generator=torch.Generator().manual_seed(5))
        mask = torch.ones(ROWS, 7, dtype=torch.long)
        mask[1, 4:] = 0
        context = {"encoder_hidden_states": states[:rows], "encoder_attention_mask": mask[:rows]}
        return super().arguments(case, head, config, rows) | context


LEFT = Case(padding="left")
HEADS = [head for head in GPT2.heads if head != "GPT2ForQuestionAnswering"]


@pytest.mark.parametrize("head", HEADS)
def test_padding_on_the_left_changes_nothing_that_is_seen(head: str) -> None:
    reference, model = GPT2.pair(GPT2.cases["plain"], head, seed=2)
    given = GPT2.batch(LEFT, head)
    seen = given["attention_mask"] == 1
    positions = (given["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    for more in ({}, {"position_ids": positions}):
        theirs, ours = reference(**given, **more), model(**given, **more)
        for key in ("last_hidden_state", "logits", "mc_logits"):
            if key in theirs:
                whole = theirs[key].shape[:2] != seen.shape
                where = ... if whole else seen
                assert_close(ours[key][where], theirs[key][where], key)
    labels = given["input_ids"] % 2 if head.startswith("GPT2For") else given["input_ids"]
    labels = labels[:, 0] if "Sequence" in head else labels.masked_fill(positions == 0, -100)
    if head == "GPT2Model":
        return
    losses = [one(**given, labels=labels).loss for one in (model, reference)]
    assert_close(*losses)
    for loss in losses:
        loss.backward()
    assert_same_gradients(model, reference)


def test_positions_that_begin_again_part_texts() -> None:
    reference, model = GPT2.pair(GPT2.cases["plain"], "GPT2LMHeadModel")
    ids = GPT2.batch(Case(padding="none"), "GPT2LMHeadModel")["input_ids"]
    packed = {"input_ids": ids, "position_ids": torch.tensor([[0, 1, 2, 0, 1, 0, 1, 2, 3]])}
    with torch.no_grad():
        found = model(**packed, use_cache=False).logits
        assert_close(found, reference(**packed, use_cache=False).logits)
        assert_close(found[:, 3:5], model(input_ids=ids[:, 3:5]).logits)
        with_cache = [one(**packed, use_cache=True).logits for one in (model, reference)]
        assert_close(*with_cache)
        assert not torch.allclose(with_cache[0], found)


@pytest.mark.parametrize("head", GPT2.heads)
def test_token_types_are_tokens(head: str) -> None:
    reference, model = GPT2.pair(GPT2.cases["plain"], head)
    given = GPT2.batch(GPT2.cases["plain"], head)
    types = torch.randint(0, 40, given["input_ids"].shape)
    with torch.no_grad():
        found = model(**given, token_type_ids=types)
        assert_same_outputs(found, reference(**given, token_type_ids=types))
        assert not torch.equal(found[0], model(**given)[0])


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        (1, {"num_beams": 1}),
        (3, {"num_beams": 2, "num_return_sequences": 2}),
        (3, {"token_type_ids": True}),
        (1, {"repetition_penalty": 1.3, "min_new_tokens": 5}),
        (3, {"use_cache": False}),
    ],
)
def test_both_writing_heads_continue_prompts(rows: int, settings: dict[str, Any]) -> None:
    for head in ("GPT2LMHeadModel", "GPT2DoubleHeadsModel"):
        reference, model = GPT2.pair(GPT2.cases["plain"], head, seed=4)
        given = GPT2.batch(LEFT, head, rows)
        if settings.get("token_type_ids") is True:
            settings = {"token_type_ids": torch.full_like(given["input_ids"], 9)}
        expected = reference.generate(**given, **settings, max_new_tokens=10)
        assert model.generate(**given, **settings, max_new_tokens=10).tolist() == expected.tolist()


@pytest.mark.parametrize("sampling", [{"top_k": 5}, {"top_p": 0.8, "temperature": 0.7}])
def test_drawn_tokens_are_the_same(sampling: dict[str, Any]) -> None:
    reference, model = GPT2.pair(GPT2.cases["plain"], "GPT2LMHeadModel", seed=4)
    given = GPT2.batch(LEFT, "GPT2LMHeadModel")
    drawn = []
    for one in (reference, model):
        torch.manual_seed(11)
        drawn.append(one.generate(**given, do_sample=True, max_new_tokens=12, **sampling).tolist())
    assert drawn[0] == drawn[1]


SUMMARIES = [
    {"summary_type": "last"},
    {"summary_type": "first", "summary_activation": "tanh"},
    {"summary_type": "mean", "summary_activation": "relu"},
    {"summary_type": "cls_index", "summary_proj_to_labels": False},
    {"summary_type": "cls_index", "summary_use_proj": False},
]


@pytest.mark.parametrize("settings", SUMMARIES)
def test_every_summary_of_a_text(settings: dict[str, Any]) -> None:
    reference, model = GPT2.pair(Case(settings), "GPT2DoubleHeadsModel")
    given = GPT2.batch(GPT2.cases["plain"], "GPT2DoubleHeadsModel")
    with torch.no_grad():
        for more in ({}, {"mc_token_ids": torch.tensor([8, 0, 3])}):
            expected = reference(**given, **more, use_cache=False)
            assert_same_outputs(model(**given, **more, use_cache=False), expected)


def test_choices_are_scored_by_the_named_tokens() -> None:
    reference, model = GPT2.pair(Case(), "GPT2DoubleHeadsModel")
    ids = torch.randint(3, 40, (2, 4, 6), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 2, 4:] = 0
    tokens = torch.randint(0, 4, (2, 4), generator=torch.Generator().manual_seed(1))
    labels = ids.masked_fill(mask == 0, -100)
    given = {
        "input_ids": ids, "attention_mask": mask, "token_type_ids": ids % 7,
        "mc_token_ids": tokens, "labels": labels, "mc_labels": torch.tensor([3, 1]),
    }  # fmt: skip
    more = {"use_cache": False, "output_hidden_states": True}
    ours, theirs = model(**given, **more), reference(**given, **more)
    assert_same_outputs(ours, theirs)
    for output in (ours, theirs):
        (output.loss + 2 * output.mc_loss).backward()
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("problem", ["regression", "multi_label_classification"])
def test_losses_of_other_problems(problem: str) -> None:
    reference, model = GPT2.pair(
        Case({"problem_type": problem, "num_labels": 4}), "GPT2ForSequenceClassification"
    )
    given = GPT2.batch(GPT2.cases["plain"], "GPT2ForSequenceClassification")
    given["labels"] = torch.rand(ROWS, 4, generator=torch.Generator().manual_seed(0)).round()
    assert_close(model(**given).loss, reference(**given).loss)


def test_rows_of_padding_alone_and_embeddings_are_classified_by_the_same_token() -> None:
    reference, model = GPT2.pair(Case(), "GPT2ForSequenceClassification")
    ids = torch.tensor([[1, 1, 1], [4, 1, 5], [1, 6, 1]])
    embeds = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_close(model(ids).logits, reference(ids).logits)
        expected = reference(inputs_embeds=embeds).logits
        assert_close(model(inputs_embeds=embeds).logits, expected)


def test_an_old_file_with_buffers_and_without_a_prefix_loads(tmp_path: Any) -> None:
    reference = GPT2.reference(Case(), "GPT2LMHeadModel")
    reference.config.save_pretrained(tmp_path)
    state = dict(reference.transformer.state_dict())
    for layer in range(2):
        state[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 48, 48).tril()
        state[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(state, tmp_path / "pytorch_model.bin")
    model, info = automodel_gpt2.GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    ids = torch.arange(3, 12)[None]
    with torch.no_grad():
        assert_close(model(ids).logits, reference(ids).logits)


def test_cross_attention_that_a_checkpoint_lacks_is_drawn(tmp_path: Any) -> None:
    GPT2.reference(Case(), "GPT2LMHeadModel").save_pretrained(tmp_path)
    kinds = automodel_gpt2.GPT2LMHeadModel, transformers.GPT2LMHeadModel
    model, theirs = (kind.from_pretrained(tmp_path, add_cross_attention=True) for kind in kinds)
    expected = {name for name in theirs.state_dict() if "cross" in name}
    assert set(model.load_report.missing) == expected
