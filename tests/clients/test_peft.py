"""PEFT: adapters under the hub's names or ours, trained on either side, attached to the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_bert
import automodel_gpt2
from automodel_core.errors import InputError
from automodel_core.integrations.peft import (
    get_peft_model,
    load_adapter,
    merge,
    save_adapter,
    targets,
)

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

from support.adapters import CASES, Case, flat, logits, trained  # noqa: E402
from support.reference import assert_close  # noqa: E402

LoraConfig = peft.LoraConfig
ADAPTERS: dict[str, Callable[..., Any]] = {
    "lora": LoraConfig,
    "dora": lambda **more: LoraConfig(use_dora=True, **more),
    "scaled by rank, with biases": lambda **more: LoraConfig(
        use_rslora=True, r=4, bias="lora_only", **more
    ),
    "ranks of their own": lambda target_modules, **more: LoraConfig(
        target_modules=target_modules, rank_pattern={target_modules[0]: 3},
        alpha_pattern={target_modules[0]: 5}, **more,
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.mark.parametrize("kind", ADAPTERS)
def test_an_adapter_of_theirs_attaches_here_and_goes_back(
    case: Case, kind: str, tmp_path: Path
) -> None:
    theirs, ours = case.bases(tmp_path / "base")
    plain = logits(theirs, case)
    settings = ADAPTERS[kind](target_modules=list(case.hub), task_type=case.task)
    adapted = trained(peft.get_peft_model(theirs, settings))
    expected = logits(adapted, case)
    assert (expected - plain).abs().max() > 1e-2
    adapted.save_pretrained(tmp_path / "theirs")
    model = load_adapter(ours, tmp_path / "theirs")
    assert_close(logits(model, case), expected)
    save_adapter(model, tmp_path / "back")
    again = case.bases(tmp_path / "base")[0]
    again = peft.PeftModel.from_pretrained(again, tmp_path / "back").eval()
    assert_close(logits(again, case), expected)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_an_adapter_of_ours_attaches_there(case: Case, kind: str, tmp_path: Path) -> None:
    theirs, ours = case.bases(tmp_path / "base")
    settings = ADAPTERS[kind](target_modules=list(case.own), task_type=case.task)
    model = trained(get_peft_model(ours, settings))
    expected = logits(model, case)
    save_adapter(model, tmp_path / "ours")
    again = peft.PeftModel.from_pretrained(theirs, tmp_path / "ours").eval()
    assert_close(logits(again, case), expected)
    assert again.active_peft_config.base_model_name_or_path == str(tmp_path / "base")


@pytest.mark.parametrize("whole", ["cls", "lm_head", "cls.predictions.decoder"])
def test_modules_are_trained_whole(whole: str, tmp_path: Path) -> None:
    case = Case(automodel_bert, "BertForMaskedLM", flat("bert"), ("query",), ("q_proj",))
    theirs, ours = case.bases(tmp_path / "base")
    settings = LoraConfig(target_modules=["query"], modules_to_save=[whole])
    if whole != "lm_head":
        adapted = trained(peft.get_peft_model(theirs, settings))
        adapted.save_pretrained(tmp_path / "theirs")
        assert_close(logits(load_adapter(ours, tmp_path / "theirs"), case), logits(adapted, case))
    model = trained(get_peft_model(case.ours(tmp_path / "base"), settings))
    expected = logits(model, case)
    save_adapter(model, tmp_path / "ours")
    assert_close(
        logits(load_adapter(case.ours(tmp_path / "base"), tmp_path / "ours"), case), expected
    )
    theirs = case.bases(tmp_path / "base")[0]
    again = peft.PeftModel.from_pretrained(theirs, tmp_path / "ours").eval()
    assert_close(logits(again, case), expected)
    assert_close(logits(merge(model), case), expected)


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5", "bart"])
def test_ia3_has_its_usual_targets_and_goes_both_ways(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    theirs, ours = case.bases(tmp_path / "base")
    adapted = trained(peft.get_peft_model(theirs, peft.IA3Config()))
    expected = logits(adapted, case)
    adapted.save_pretrained(tmp_path / "theirs")
    assert_close(logits(load_adapter(ours, tmp_path / "theirs"), case), expected)
    model = trained(get_peft_model(case.ours(tmp_path / "base"), peft.IA3Config()), seed=1)
    save_adapter(model, tmp_path / "ours")
    again = case.bases(tmp_path / "base")[0]
    again = peft.PeftModel.from_pretrained(again, tmp_path / "ours").eval()
    assert_close(logits(again, case), logits(model, case))


def test_the_package_alone_saves_and_loads_under_our_names(case: Case, tmp_path: Path) -> None:
    _, ours = case.bases(tmp_path / "base")
    settings = LoraConfig(target_modules=targets(ours, *case.hub))
    model = trained(peft.get_peft_model(ours, settings))
    model.save_pretrained(tmp_path / "plain")
    again = peft.PeftModel.from_pretrained(case.ours(tmp_path / "base"), tmp_path / "plain").eval()
    assert_close(logits(again, case), logits(model, case))
    assert again.active_peft_config.base_model_name_or_path == str(tmp_path / "base")
    read = load_adapter(case.ours(tmp_path / "base"), tmp_path / "plain")
    assert_close(logits(read, case), logits(model, case))


def test_ranks_are_kept_through_the_hubs_names(tmp_path: Path) -> None:
    """Here each part of ``c_attn`` has an adapter of its own; there they are one of three ranks."""
    case = CASES["gpt2"]
    _, ours = case.bases(tmp_path / "base")
    model = trained(get_peft_model(ours, LoraConfig(target_modules=["q_proj", "v_proj"], r=4)))
    save_adapter(model, tmp_path / "ours")
    again = load_adapter(case.ours(tmp_path / "base"), tmp_path / "ours", is_trainable=True)
    expected = dict(model.named_parameters())
    for name, parameter in again.named_parameters():
        assert torch.equal(parameter, expected[name]), name
    assert len(expected) == len(list(again.parameters()))


def test_single_tokens_are_trained_where_embeddings_are_tied(tmp_path: Path) -> None:
    """The output layer follows, here as there; and a merge keeps the tie."""
    case = CASES["gpt2"]
    theirs, ours = case.bases(tmp_path / "base")
    settings = LoraConfig(target_modules=["c_attn"], trainable_token_indices=[5, 6])
    model = trained(get_peft_model(ours, settings))
    expected = logits(model, case)
    save_adapter(model, tmp_path / "ours")
    again = peft.PeftModel.from_pretrained(theirs, tmp_path / "ours").eval()
    assert_close(logits(again, case), expected)
    merged = merge(model)
    assert_close(logits(merged, case), expected)
    assert merged.config.tie_word_embeddings
    assert merged.lm_head.weight is merged.get_input_embeddings().weight


def test_tied_layers_are_adapted_together(tmp_path: Path) -> None:
    case = CASES["gpt2"]
    theirs, ours = case.bases(tmp_path / "base")
    settings = LoraConfig(target_modules=["embed_tokens"], ensure_weight_tying=True)
    model = trained(get_peft_model(ours, settings))
    expected = logits(model, case)
    save_adapter(model, tmp_path / "ours")
    again = peft.PeftModel.from_pretrained(theirs, tmp_path / "ours").eval()
    assert_close(logits(again, case), expected)
    read = load_adapter(case.ours(tmp_path / "base"), tmp_path / "ours")
    assert_close(logits(read, case), expected)


def test_other_methods_only_have_other_names(tmp_path: Path) -> None:
    case = CASES["bert"]
    theirs, ours = case.bases(tmp_path / "base")
    model = trained(get_peft_model(ours, peft.LoHaConfig(target_modules=["query", "dense"])))
    save_adapter(model, tmp_path / "ours")
    again = peft.PeftModel.from_pretrained(theirs, tmp_path / "ours").eval()
    assert_close(logits(again, case), logits(model, case))


def test_several_adapters_are_loaded_and_told_apart(tmp_path: Path) -> None:
    case = CASES["gpt2"]
    _, ours = case.bases(tmp_path / "base")
    expected = []
    for seed, name in enumerate(("first", "second")):
        model = get_peft_model(case.ours(tmp_path / "base"), LoraConfig(target_modules=["c_attn"]))
        expected.append(logits(trained(model, seed), case))
        save_adapter(model, tmp_path / name)
    model = load_adapter(ours, tmp_path / "first", "first")
    model = load_adapter(model, tmp_path / "second", "second")
    assert_close(logits(model, case), expected[1])
    model.set_adapter("first")
    assert_close(logits(model, case), expected[0])
    save_adapter(model, tmp_path / "again", "second")
    again = load_adapter(case.ours(tmp_path / "base"), tmp_path / "again", is_trainable=True)
    assert again.training
    assert_close(logits(again.eval(), case), expected[1])


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    case = CASES["gpt2"]
    theirs, ours = case.bases(tmp_path / "base")
    assert targets(ours, "c_attn", "up_proj") == ["k_proj", "q_proj", "up_proj", "v_proj"]
    with pytest.raises(InputError, match=r"no module of GPT2LMHeadModel is called 'query'"):
        targets(ours, "query")
    with pytest.raises(InputError, match=r"nothing in the model is called query, .*c_attn"):
        get_peft_model(ours, LoraConfig(target_modules=["query"]))
    eight_bits = automodel_gpt2.GPT2LMHeadModel.from_pretrained(tmp_path / "base", weights="int8")
    with pytest.raises(InputError, match="weights in eight bits take no adapter"):
        get_peft_model(eight_bits, LoraConfig())
    settings = peft.LoHaConfig(target_modules=["c_attn"])
    fused = trained(get_peft_model(case.ours(tmp_path / "base"), settings))
    with pytest.raises(InputError, match="only LoRA, DoRA and IA3 can be split and joined"):
        save_adapter(fused, tmp_path / "fused")
    peft.get_peft_model(theirs, LoraConfig()).save_pretrained(tmp_path / "adapter")
    other = CASES["bert"]
    _, bert = other.bases(tmp_path / "bert")
    with pytest.raises(InputError, match="nothing in the model is called c_attn"):
        load_adapter(bert, tmp_path / "adapter")
