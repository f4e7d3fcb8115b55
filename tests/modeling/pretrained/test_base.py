"""A model asked about itself, taken apart, resized, saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.errors import ConfigurationError, InputError
from support.tiny_lm import (
    TinyConfig,
    TinyForCausalLM,
    TinyForTokenClassification,
    TinyModel,
    drawn,
)


def test_parts() -> None:
    model = drawn()
    assert model.get_input_embeddings() is model.model.embed_tokens
    assert model.get_output_embeddings() is model.lm_head
    assert drawn(TinyModel).get_output_embeddings() is None
    fresh = nn.Embedding(23, 8)
    model.set_input_embeddings(fresh)
    assert model.model.embed_tokens is fresh
    head = nn.Linear(8, 23, bias=False)
    model.set_output_embeddings(head)
    assert model.lm_head is head
    with pytest.raises(InputError, match="no output embeddings"):
        drawn(TinyModel).set_output_embeddings(head)
    with pytest.raises(AttributeError, match="colour"):
        model.colour  # noqa: B018


def test_facts() -> None:
    model = drawn()
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    parameters = list(model.parameters())
    assert model.num_parameters() == sum(p.numel() for p in parameters)
    assert model.num_parameters(exclude_embeddings=True) == model.num_parameters() - 23 * 8
    parameters[0].requires_grad_(False)
    assert model.num_parameters(only_trainable=True) == model.num_parameters() - 23 * 8
    assert model.get_memory_footprint() == 4 * model.num_parameters()
    assert TinyForCausalLM.can_generate()
    assert not TinyModel.can_generate()
    assert model.main_input_name == "input_ids"


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("size", "multiple", "rows"),
    [(30, None, 30), (10, None, 10), (None, 8, 24), (25, 16, 32), (None, None, 23)],
)
def test_resizing(tied: bool, size: int | None, multiple: int | None, rows: int) -> None:
    model = drawn(tie_word_embeddings=tied)
    old, head = model.model.embed_tokens.weight.clone(), model.lm_head.weight.clone()
    found = model.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    kept = min(rows, 23)
    assert found is model.model.embed_tokens
    assert found.weight.shape == (rows, 8)
    assert (model.lm_head.out_features, found.num_embeddings, model.config.vocab_size) == (
        rows,
    ) * 3
    assert (model.lm_head.weight is found.weight) == tied
    assert torch.equal(found.weight[:kept], old[:kept])
    if not tied:
        assert torch.equal(model.lm_head.weight[:kept], head[:kept])
    if rows > 23:
        torch.testing.assert_close(found.weight[23:], old.mean(0).expand(rows - 23, 8))
    assert model(torch.tensor([[rows - 1]])).logits.shape == (1, 1, rows)
    assert found.weight.requires_grad


def test_new_rows_may_be_drawn() -> None:
    model = drawn()
    old = model.lm_head.weight.clone()
    model.resize_token_embeddings(223, mean_resizing=False)
    assert model.lm_head.weight[23:].std().item() == pytest.approx(old.std().item(), rel=0.3)


@pytest.mark.parametrize(("size", "multiple"), [(0, None), (-3, None), (30, 0)])
def test_sizes_that_make_no_sense(size: int, multiple: int | None) -> None:
    with pytest.raises(InputError, match=r"new_num_tokens|pad_to_multiple_of"):
        drawn().resize_token_embeddings(size, multiple)


def test_gradients_reach_the_embeddings_output() -> None:
    model = drawn()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    undo = model.enable_input_require_grads()
    assert model(torch.tensor([[3]])).logits.requires_grad
    undo()
    assert not model(torch.tensor([[3]])).logits.requires_grad


def test_attention_is_exchanged() -> None:
    model = drawn()
    ids = torch.tensor([[3, 4, 5]])
    expected = model(ids).logits
    for name in ("eager", "sdpa"):
        model.set_attn_implementation(name)
        torch.testing.assert_close(model(ids).logits, expected)
    with pytest.raises(ValueError, match="telepathy"):
        model.set_attn_implementation("telepathy")


def test_saving(tmp_path: Path) -> None:
    model = drawn()
    model.save_pretrained(tmp_path / "a")
    values = json.loads((tmp_path / "a" / "config.json").read_text(encoding="utf-8"))
    assert (values["architectures"], values["dtype"]) == (["TinyForCausalLM"], "float32")
    assert (tmp_path / "a" / "generation_config.json").is_file()
    assert model.config.architectures is None, "saving wrote to the configuration"
    model.save_pretrained(tmp_path / "b", is_main_process=False)
    assert not (tmp_path / "b").exists()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="file"):
        model.save_pretrained(tmp_path / "file")
    halved = {name: tensor / 2 for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path / "c", state_dict=halved)
    again = TinyForCausalLM.from_pretrained(tmp_path / "c")
    assert torch.equal(again.lm_head.weight, model.lm_head.weight / 2)


def test_an_output_layer_made_free_by_hand_is_saved(tmp_path: Path) -> None:
    model = drawn()
    model.lm_head.weight = nn.Parameter(torch.randn(23, 8))
    model.save_pretrained(tmp_path)
    again = TinyForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
    assert torch.equal(again.model.embed_tokens.weight, model.model.embed_tokens.weight)


def test_names_of_the_hub_in_memory() -> None:
    model, other = drawn(), drawn(seed=1)
    state = model.hub_state_dict()
    assert "tiny.h.0.attn.q_proj.weight" in state
    other.load_hub_state_dict(state)
    ids = torch.tensor([[3, 4, 5]])
    assert torch.equal(model(ids).logits, other(ids).logits)
    with pytest.raises(RuntimeError, match="colour"):
        other.load_hub_state_dict({**state, "colour": torch.ones(1)})
    model.weight_names(model.config).check(dict(model.named_parameters()))


def test_forward_writes_nothing_to_the_configuration() -> None:
    for kind in (TinyModel, TinyForCausalLM, TinyForTokenClassification):
        model = drawn(kind)
        before = model.config.to_dict()
        given = {"input_ids": torch.tensor([[3, 4, 5]])}
        if kind is not TinyModel:
            given["labels"] = torch.tensor([[1, 0, 1]])
        model(**given, output_attentions=True)
        assert model.config.to_dict() == before
        assert model.config == TinyConfig.from_dict(before)


def test_keys_of_old_configurations_are_heeded_or_refused() -> None:
    assert drawn(gradient_checkpointing=True).is_gradient_checkpointing
    assert not drawn(gradient_checkpointing=False).is_gradient_checkpointing
    assert not drawn(pruned_heads={}).is_gradient_checkpointing
    with pytest.raises(ConfigurationError, match="pruned_heads are not supported"):
        drawn(pruned_heads={"0": [1]})


@pytest.mark.parametrize("sizes", [(64.0, None), (20, 1.3), (20, 0)])
def test_sizes_of_a_vocabulary_are_integers(sizes: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match="integer"):
        drawn().resize_token_embeddings(*sizes)
