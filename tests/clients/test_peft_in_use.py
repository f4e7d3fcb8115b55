"""PEFT: adapters in use: merged, learning, writing, inside of a model, under a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForCausalLM, AutoModelForSeq2SeqLM, pipeline
from automodel_core.errors import InputError
from automodel_core.integrations.peft import (
    get_peft_model,
    load_adapter,
    merge,
)

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

from support.adapters import CASES, Case, logits, trained  # noqa: E402
from support.reference import assert_close  # noqa: E402

LoraConfig = peft.LoraConfig
DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


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


def test_a_pipeline_answers_with_an_adapter(tmp_path: Path) -> None:
    """Its tokenizer is the base model's where the adapter has none."""
    base = AutoModelForSeq2SeqLM.from_pretrained(DEMO)
    base.name_or_path = base.config._name_or_path = str(DEMO)
    adapted = trained(get_peft_model(base, LoraConfig(target_modules=["q_proj"])))
    adapted.peft_config["default"].base_model_name_or_path = str(DEMO)
    adapted.save_pretrained(tmp_path)
    answer = pipeline("text2text-generation", model=tmp_path, device="cpu")
    assert answer.model.active_adapters() == ["default"]
    (found,) = answer("nine", max_new_tokens=3, return_tensors=True)
    prompt = answer.tokenizer("nine", return_tensors="pt")
    expected = adapted.generate(**prompt, num_beams=4, max_new_tokens=3)
    assert found["generated_token_ids"].tolist() == expected[0].tolist()
