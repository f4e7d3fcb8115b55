"""Every head of BERT gives the reference's outputs, losses and gradients."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest

from automodel_core.testing import model_names

transformers = pytest.importorskip("transformers")
if not transformers.__version__.startswith("5."):
    pytest.skip("compares with transformers 5", allow_module_level=True)

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

import automodel_bert  # noqa: E402
from support.reference import (  # noqa: E402
    assert_close,
    assert_same_gradients,
    assert_same_outputs,
    randomise,
    reload,
)

HEADS = model_names("bert")
SMALL: dict[str, Any] = {
    "vocab_size": 37,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 28,
    "max_position_embeddings": 24,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "small": {},
    "one layer, one head": {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 6},
    "four layers": {"num_hidden_layers": 4},
    "three heads": {"num_hidden_layers": 3, "num_attention_heads": 3, "hidden_size": 24},
    "five heads": {"num_attention_heads": 5, "hidden_size": 35},
    "gelu_new": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu", "intermediate_size": 60},
    "silu": {"hidden_act": "silu", "intermediate_size": 8},
    "one token type": {"type_vocab_size": 1},
    "three token types": {"type_vocab_size": 3},
    "large epsilon": {"layer_norm_eps": 1e-2},
    "no padding token": {"pad_token_id": None},
    "another padding token": {"pad_token_id": 5},
    "output layer of its own": {"tie_word_embeddings": False},
    "classifier dropout": {"classifier_dropout": 0.3},
    "decoder": {"is_decoder": True, "use_cache": False},
}
ROWS, LENGTH, CHOICES = 3, 7, 2


def pair(head: str, folder: Path, seed: str = "", **config: Any) -> tuple[Any, Any]:
    """Return a model of ours and the reference's, with the same random weights, from a folder."""
    settings = {**SMALL, **config}
    reference = getattr(transformers, head)(
        transformers.BertConfig(**settings, attn_implementation="eager")
    ).eval()
    randomise(reference, zlib.crc32((head + seed).encode()))
    model, info = reload(reference, folder, getattr(automodel_bert, head), output_loading_info=True)
    expected = {"missing_keys": [], "mismatched_keys": [], "error_msgs": []}
    assert {key: info[key] for key in expected} == expected
    assert set(info["unexpected_keys"]) <= {"cls.predictions.bias"}
    return model, reference


def inputs_for(head: str, config: Any, seed: int = 0) -> dict[str, Tensor]:
    """Return random tokens, token types and padding on the right."""
    chance = torch.Generator().manual_seed(seed)
    shape = (ROWS, CHOICES, LENGTH) if head == "BertForMultipleChoice" else (ROWS, LENGTH)
    ids = torch.randint(0, config.vocab_size, shape, generator=chance)
    types = torch.randint(0, config.type_vocab_size, shape, generator=chance)
    visible = torch.ones(shape, dtype=torch.long)
    visible[-1, ..., 5:] = 0
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": visible}


def labels_for(head: str, config: Any, seed: int = 0) -> dict[str, Tensor]:
    """Return what a head learns from, with some labels that do not count."""
    chance = torch.Generator().manual_seed(seed + 1)

    def drawn(limit: int, *shape: int) -> Tensor:
        return torch.randint(0, limit, shape, generator=chance)

    tokens = drawn(config.vocab_size, ROWS, LENGTH)
    tokens[:, 1] = -100
    if head == "BertForPreTraining":
        return {"labels": tokens, "next_sentence_label": drawn(2, ROWS)}
    if head in ("BertForMaskedLM", "BertLMHeadModel"):
        return {"labels": tokens}
    if head == "BertForTokenClassification":
        return {"labels": drawn(config.num_labels, ROWS, LENGTH)}
    if head == "BertForMultipleChoice":
        return {"labels": drawn(CHOICES, ROWS)}
    if head == "BertForQuestionAnswering":
        # One end lies beyond the text and does not count.
        return {"start_positions": drawn(LENGTH, ROWS), "end_positions": torch.tensor([2, 6, 40])}
    return {"labels": drawn(config.num_labels, ROWS)} if head != "BertModel" else {}


def total(output: Any) -> Tensor:
    """Return the loss, or for the body, which has none, a number that all of its parts reach."""
    if "pooler_output" in tuple(output):
        output.loss = (output.last_hidden_state * output.pooler_output[:, None]).sum()
    loss: Tensor = output.loss
    return loss


SEEN = {"output_attentions": True, "output_hidden_states": True}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("config", CONFIGS)
def test_outputs_loss_and_gradients(head: str, config: str, tmp_path: Path) -> None:
    model, reference = pair(head, tmp_path, config, **CONFIGS[config])
    inputs = {**inputs_for(head, model.config), **labels_for(head, model.config)}
    ours, theirs = model(**inputs, **SEEN), reference(**inputs, **SEEN)
    assert_same_outputs(ours, theirs)

    total(ours).backward()
    total(theirs).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert_same_gradients(model, reference)


def masks(length: int = LENGTH) -> dict[str, Tensor | None]:
    """Return masks by the kind of padding; none hides a whole row from every query."""
    right = torch.ones(ROWS, length, dtype=torch.long)
    right[0, 3:], right[1, 6:] = 0, 0
    holes = torch.ones(ROWS, length, dtype=torch.long)
    holes[1, 2], holes[2, 4:6] = 0, 0
    pairs = torch.rand(ROWS, length, length, generator=torch.Generator().manual_seed(3)) > 0.4
    return {
        "none": None,
        "nothing hidden": torch.ones(ROWS, length),
        "right": right,
        "left": right.flip(1),
        "booleans": right.bool(),
        "holes": holes,
        "pairs": (pairs | torch.eye(length, dtype=torch.bool)).long(),
    }


def as_reference_takes(mask: Tensor | None) -> Tensor | None:
    """Return a mask of queries and keys as the reference takes one: added, of four dimensions."""
    if mask is None or mask.dim() == 2:
        return mask
    return torch.zeros(mask.shape).masked_fill(mask == 0, torch.finfo(torch.float32).min)[:, None]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("is_decoder", [False, True], ids=["encoder", "decoder"])
@pytest.mark.parametrize("kind", masks())
def test_masks(kind: str, is_decoder: bool, attention: str, tmp_path: Path) -> None:
    model, reference = pair("BertModel", tmp_path, is_decoder=is_decoder)
    model.set_attn_implementation(attention)
    inputs, mask = inputs_for("BertModel", model.config), masks()[kind]
    ours = model(**{**inputs, "attention_mask": mask})
    theirs = reference(**{**inputs, "attention_mask": as_reference_takes(mask)})
    assert_same_outputs(ours, theirs)
    seen = model(**{**inputs, "attention_mask": mask}, **SEEN)
    assert_close(seen.last_hidden_state, theirs.last_hidden_state)


def test_masks_of_four_dimensions_are_added(tmp_path: Path) -> None:
    model, reference = pair("BertModel", tmp_path)
    inputs = inputs_for("BertModel", model.config)
    inputs["attention_mask"] = torch.randn(ROWS, 2, LENGTH, LENGTH)
    assert_same_outputs(model(**inputs), reference(**inputs))


@pytest.mark.parametrize("head", HEADS)
def test_embeddings_and_positions_may_be_given(head: str, tmp_path: Path) -> None:
    model, reference = pair(head, tmp_path)
    inputs = inputs_for(head, model.config)
    ids = inputs.pop("input_ids")
    inputs["position_ids"] = torch.arange(LENGTH).flip(0).expand(ids.shape)
    inputs["inputs_embeds"] = torch.randn(*ids.shape, model.config.hidden_size)
    assert_same_outputs(model(**inputs), reference(**inputs))


@pytest.mark.parametrize("head", HEADS)
def test_tuples_and_settings_of_the_configuration(head: str, tmp_path: Path) -> None:
    model, reference = pair(head, tmp_path)
    inputs = inputs_for(head, model.config)
    model.config.output_hidden_states = reference.config.output_hidden_states = True
    model.config.return_dict = False
    ours, theirs = model(**inputs), reference(**inputs, return_dict=False)
    assert isinstance(ours, tuple)
    assert_close(ours, theirs)


LABELS: dict[str, tuple[int, str | None, Tensor]] = {
    "number": (1, None, torch.randn(ROWS)),
    "number in a column": (1, None, torch.randn(ROWS, 1)),
    "class of two": (2, None, torch.tensor([0, 1, 1])),
    "class of five": (5, None, torch.tensor([4, 0, 2])),
    "labels": (5, None, torch.rand(ROWS, 5).round()),
    "numbers": (5, "regression", torch.randn(ROWS, 5)),
    "one class said": (5, "single_label_classification", torch.tensor([4, 0, 2])),
    "labels said": (2, "multi_label_classification", torch.rand(ROWS, 2).round()),
}


@pytest.mark.parametrize("kind", LABELS)
def test_problem_types(kind: str, tmp_path: Path) -> None:
    num_labels, problem, labels = LABELS[kind]
    model, reference = pair(
        "BertForSequenceClassification", tmp_path, num_labels=num_labels, problem_type=problem
    )
    inputs = inputs_for("BertForSequenceClassification", model.config)
    ours, theirs = model(**inputs, labels=labels), reference(**inputs, labels=labels)
    assert_same_outputs(ours, theirs)
    ours.loss.backward()
    theirs.loss.backward()
    assert_same_gradients(model, reference)
    assert model.config.problem_type == problem


@pytest.mark.parametrize("head", HEADS)
def test_training_draws_the_same_dropout(head: str, tmp_path: Path) -> None:
    config = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}
    model, reference = pair(head, tmp_path, **config, classifier_dropout=0.4)
    model.set_attn_implementation("eager")
    inputs = {**inputs_for(head, model.config), **labels_for(head, model.config)}
    torch.manual_seed(1)
    ours = model.train()(**inputs)
    torch.manual_seed(1)
    assert_same_outputs(ours, reference.train()(**inputs))


@pytest.mark.parametrize("head", HEADS)
def test_gradient_checkpointing_changes_nothing(head: str, tmp_path: Path) -> None:
    config = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    decoder = head == "BertLMHeadModel"
    model, reference = pair(head, tmp_path, **config, is_decoder=decoder)
    model.train().gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    inputs = {**inputs_for(head, model.config), **labels_for(head, model.config)}
    ours, theirs = model(**inputs), reference.train()(**inputs)
    total(ours).backward()
    total(theirs).backward()
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("head", HEADS)
def test_bfloat16_is_finite_and_near(head: str, tmp_path: Path) -> None:
    _, reference = pair(head, tmp_path)
    model = getattr(automodel_bert, head).from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    inputs = inputs_for(head, model.config)
    ours, theirs = model(**inputs), reference(**inputs)
    for key, expected in theirs.items():
        assert ours[key].isfinite().all()
        assert (ours[key].float() - expected).abs().mean() < 0.05 * expected.abs().max()
