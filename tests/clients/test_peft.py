"""PEFT: adapters under the hub's names or ours, trained on either side, attached to the other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_bart
import automodel_bert
import automodel_encoder_decoder
import automodel_gpt2
import automodel_t5
import automodel_vit
from automodel_core import AutoModelForCausalLM
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

from support.composites import part  # noqa: E402
from support.reference import assert_close, randomise  # noqa: E402

LoraConfig = peft.LoraConfig


@dataclass(frozen=True)
class Case:
    """A class on both sides, and modules to adapt by the hub's names, by ours, and all of them."""

    package: ModuleType
    kind: str
    settings: dict[str, Any]
    hub: tuple[str, ...]
    own: tuple[str, ...]
    usual: tuple[str, ...] = ("q_proj", "v_proj")
    task: str | None = None

    def bases(self, folder: Path) -> tuple[Any, Any]:
        """Return a model of theirs and of ours, with the same weights."""
        theirs = getattr(transformers, self.kind)
        model = theirs(theirs.config_class(**copy.deepcopy(self.settings)))
        randomise(model)
        model.save_pretrained(folder)
        return theirs.from_pretrained(folder), self.ours(folder)

    def ours(self, folder: Path) -> Any:
        return getattr(self.package, self.kind).from_pretrained(folder)

    def inputs(self) -> dict[str, Tensor]:
        chance = torch.Generator().manual_seed(3)
        if "image_size" in self.settings:
            return {"pixel_values": torch.randn(2, 3, 8, 8, generator=chance)}
        given = {"input_ids": torch.randint(3, 40, (2, 7), generator=chance)}
        if "Conditional" in self.kind or "Decoder" in self.kind:
            given["decoder_input_ids"] = torch.randint(3, 40, (2, 5), generator=chance)
        return given


def flat(model_type: str) -> dict[str, Any]:
    return {key: value for key, value in part(model_type).items() if key != "model_type"}


PAIR = {
    "encoder": part("bert"),
    "decoder": part("gpt2", is_decoder=True, add_cross_attention=True),
}
CASES = {
    "gpt2": Case(
        automodel_gpt2, "GPT2LMHeadModel", flat("gpt2"), ("c_attn", "mlp.c_proj"),
        ("q_proj", "v_proj", "up_proj"), ("q_proj", "k_proj", "v_proj"), "CAUSAL_LM",
    ),
    "bert": Case(
        automodel_bert, "BertForSequenceClassification", flat("bert"), ("query", "dense"),
        ("k_proj", "up_proj"), task="SEQ_CLS",
    ),
    "t5": Case(
        automodel_t5, "T5ForConditionalGeneration", {**flat("t5"), "decoder_start_token_id": 0},
        ("q", "wi", "EncDecAttention.o"), ("v_proj", "down_proj"), task="SEQ_2_SEQ_LM",
    ),
    "bart": Case(
        automodel_bart, "BartForConditionalGeneration", flat("bart"), ("out_proj", "fc1"),
        ("q_proj", "down_proj"), task="SEQ_2_SEQ_LM",
    ),
    "vit": Case(
        automodel_vit, "ViTForImageClassification", flat("vit"), ("q_proj", "fc2"),
        ("v_proj", "o_proj"),
    ),
    "composite": Case(
        automodel_encoder_decoder, "EncoderDecoderModel", PAIR, ("query", "c_attn", "q_attn"),
        ("k_proj", "up_proj"),
    ),
}  # fmt: skip
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


@torch.no_grad()
def trained(model: Any, seed: int = 0) -> Any:
    """Return a model with an adapter whose trainable weights are others than at its start."""
    chance = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn(parameter.shape, generator=chance), alpha=0.2)
    return model.eval()


@torch.no_grad()
def logits(model: Any, case: Case) -> Tensor:
    found: Tensor = model(**case.inputs()).logits
    return found


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


@pytest.mark.parametrize("names", [None, "all-linear"])
def test_adapters_merge_into_the_weights(case: Case, names: Any, tmp_path: Path) -> None:
    _, ours = case.bases(tmp_path / "base")
    ties = ours.config.tie_word_embeddings
    output = ours.get_output_embeddings()
    model = trained(get_peft_model(ours, LoraConfig(target_modules=names, task_type=case.task)))
    found = model.active_peft_config.target_modules
    if names is None:
        assert found == {*case.usual}
    else:
        assert output is None or output is ours.get_output_embeddings()
        assert {"q_proj", "o_proj", "up_proj", "down_proj"} <= found
    expected = logits(model, case)
    merged = merge(model)
    assert type(merged) is type(ours)
    assert_close(logits(merged, case), expected)
    merged.save_pretrained(tmp_path / "merged")
    assert_close(logits(case.ours(tmp_path / "merged"), case), expected)
    assert merged.config.tie_word_embeddings is ties


def test_a_tied_output_layer_is_untied_before_it_is_merged(tmp_path: Path) -> None:
    case = CASES["gpt2"]
    _, ours = case.bases(tmp_path)
    model = trained(get_peft_model(ours, LoraConfig(target_modules=["lm_head", "c_fc"])))
    expected = logits(model, case)
    merged = merge(model)
    assert not merged.config.tie_word_embeddings
    assert_close(logits(merged, case), expected)
    merged.save_pretrained(tmp_path / "merged")
    assert_close(logits(case.ours(tmp_path / "merged"), case), expected)


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


@pytest.mark.parametrize(
    "kind",
    [
        lambda task: peft.PromptTuningConfig(task_type=task, num_virtual_tokens=3),
        lambda task: peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=3),
        lambda task: peft.PromptEncoderConfig(
            task_type=task, num_virtual_tokens=3, encoder_hidden_size=8
        ),
    ],
    ids=["prompt", "prefix", "encoded prompt"],
)
@pytest.mark.parametrize("name", ["gpt2", "t5", "bart"])
def test_prompts_are_learnt_and_written_after(name: str, kind: Any, tmp_path: Path) -> None:
    case = CASES[name]
    theirs, ours = case.bases(tmp_path / "base")
    adapted = trained(peft.get_peft_model(theirs, kind(case.task)))
    adapted.save_pretrained(tmp_path / "theirs")
    model = peft.PeftModel.from_pretrained(ours, tmp_path / "theirs").eval()
    assert_close(logits(model, case), logits(adapted, case))
    ids = case.inputs()["input_ids"]
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    settings = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False}
    expected = adapted.generate(**given, **settings)
    assert model.generate(**given, **settings).tolist() == expected.tolist()
    learner = get_peft_model(case.ours(tmp_path / "base"), kind(case.task))
    learner.train()(**given, labels=ids).loss.backward()
    assert all(p.grad is not None for p in learner.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", ["gpt2", "t5", "composite"])
def test_what_is_written_is_what_the_adapter_says(name: str, tmp_path: Path) -> None:
    """Prepared decoding multiplies by weights of its own, which must not be the base's."""
    case = CASES[name]
    _, ours = case.bases(tmp_path)
    ids = case.inputs()["input_ids"]
    settings = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
    if name == "composite":
        settings |= {"decoder_start_token_id": 1, "pad_token_id": 0}
    plain = ours.generate(input_ids=ids, **settings)
    model = trained(get_peft_model(ours, LoraConfig(target_modules="all-linear", r=4)))
    found = model.generate(input_ids=ids, **settings)
    assert found.tolist() != plain.tolist()
    assert model.generate(input_ids=ids, use_cache=False, **settings).tolist() == found.tolist()
    with model.disable_adapter():
        assert model.generate(input_ids=ids, **settings).tolist() == plain.tolist()
    assert merge(model).generate(input_ids=ids, **settings).tolist() == found.tolist()


def test_only_the_adapter_learns(case: Case, tmp_path: Path) -> None:
    _, ours = case.bases(tmp_path)
    before = {name: p.clone() for name, p in ours.named_parameters()}
    model = get_peft_model(ours, LoraConfig(task_type=None))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(4):
        loss = model(**case.inputs()).logits.square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    after = {name.replace(".base_layer", ""): p for name, p in ours.named_parameters()}
    assert all(torch.equal(p, after[name]) for name, p in before.items())


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


def test_a_model_has_the_methods_of_transformers(case: Case, tmp_path: Path) -> None:
    theirs, ours = case.bases(tmp_path / "base")
    plain = logits(ours, case)
    ours.add_adapter(LoraConfig(target_modules=list(case.hub)))
    expected = logits(trained(ours), case)
    assert ours.active_adapters() == ["default"]
    ours.save_pretrained(tmp_path / "one")
    assert {path.name for path in (tmp_path / "one").iterdir()} >= {"adapter_config.json"}
    theirs.load_adapter(str(tmp_path / "one"))
    assert_close(logits(theirs, case), expected)
    both = case.ours(tmp_path / "one")  # the base that the adapter names, and the adapter
    assert_close(logits(both, case), expected)
    ours.load_adapter(tmp_path / "one", "two")
    assert ours.active_adapters() == ["two"]
    assert_close(logits(ours, case), expected)
    ours.disable_adapters()
    assert_close(logits(ours, case), plain)
    ours.enable_adapters()
    ours.set_adapter("default")
    assert_close(logits(ours, case), expected)
    with pytest.raises(InputError, match="no adapter three; there are default, two"):
        ours.set_adapter("three")
    with pytest.raises(InputError, match="while an adapter is on the model"):
        ours.hub_state_dict()
    ours.delete_adapter(["default", "two"])
    assert_close(logits(ours, case), plain)
    assert ours.hub_state_dict()


def test_an_adapters_name_loads_its_base_too(tmp_path: Path) -> None:
    case = CASES["gpt2"]
    theirs, _ = case.bases(tmp_path / "base")
    adapted = trained(peft.get_peft_model(theirs, LoraConfig(task_type="CAUSAL_LM")))
    adapted.save_pretrained(tmp_path / "adapter")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "adapter")
    assert_close(logits(model, case), logits(adapted, case))
    assert model.name_or_path == str(tmp_path / "base")
    assert not any(p.requires_grad for n, p in model.named_parameters() if "lora" in n)


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


def test_a_trainer_saves_and_resumes_adapters(tmp_path: Path) -> None:
    from automodel_core.integrations import TrainerMixin

    class HubTrainer(TrainerMixin, transformers.Trainer): ...

    case = CASES["gpt2"]
    case.bases(tmp_path / "base")
    rows = torch.arange(3, 35).view(4, 8)
    data = [{"input_ids": row, "labels": row} for row in rows]

    def adapted(kind: str) -> Any:
        torch.manual_seed(0)
        settings = LoraConfig(target_modules=["c_attn"], task_type="CAUSAL_LM", r=4)
        if kind == "around":
            return get_peft_model(case.ours(tmp_path / "base"), settings)
        model = case.ours(tmp_path / "base")
        model.add_adapter(settings)
        return model

    for kind in ("around", "inside"):
        outcomes = []
        for resumes in (False, True):
            folder = tmp_path / kind / str(resumes)
            for steps in (2, 4) if resumes else (4,):
                arguments = transformers.TrainingArguments(
                    str(folder), max_steps=steps, per_device_train_batch_size=2, save_steps=2,
                    learning_rate=1e-2, lr_scheduler_type="constant", use_cpu=True, report_to=[],
                )  # fmt: skip
                trainer = HubTrainer(model=adapted(kind), args=arguments, train_dataset=data)
                trainer.train(resume_from_checkpoint=steps == 4 and resumes)
            outcomes.append(logits(trainer.model.eval(), case))
        assert_close(outcomes[1], outcomes[0])
        if kind == "inside":  # under the hub's names
            model = load_adapter(case.ours(tmp_path / "base"), folder / "checkpoint-4")
            assert_close(logits(model, case), outcomes[1])


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
    peft.get_peft_model(theirs, LoraConfig()).save_pretrained(tmp_path / "adapter")
    other = CASES["bert"]
    _, bert = other.bases(tmp_path / "bert")
    with pytest.raises(InputError, match="nothing in the model is called c_attn"):
        load_adapter(bert, tmp_path / "adapter")
