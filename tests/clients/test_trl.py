"""TRL's trainers teach a GPT-2 of ours: by texts, by preferences, by rewards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

transformers = pytest.importorskip("transformers")
trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

from automodel_core import AutoModelForCausalLM, AutoTokenizer  # noqa: E402
from automodel_core.integrations import TrainerMixin  # noqa: E402
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer  # noqa: E402

TEXTS = ["a fox jumps over the lazy dog", "the dog sleeps all day long", "no dog jumps at all"]
SETTINGS: dict[str, Any] = {
    "report_to": [], "use_cpu": True, "bf16": False, "max_steps": 2, "learning_rate": 1e-3,
    "per_device_train_batch_size": 2, "logging_steps": 1, "disable_tqdm": True, "save_steps": 2,
}  # fmt: skip


class HubSFTTrainer(TrainerMixin, trl.SFTTrainer):  # type: ignore[misc, name-defined]
    """A trainer as the documentation makes it."""


class HubDPOTrainer(TrainerMixin, trl.DPOTrainer):  # type: ignore[misc, name-defined]
    """One that learns from preferences."""


class HubGRPOTrainer(TrainerMixin, trl.GRPOTrainer):  # type: ignore[misc, name-defined]
    """One that learns from rewards."""


@pytest.fixture(scope="module")
def tokenizer() -> GPT2Tokenizer:
    learnt = GPT2Tokenizer().train_new_from_iterator(TEXTS * 3, 300)
    learnt.pad_token = learnt.eos_token
    return learnt


@pytest.fixture
def model(tokenizer: GPT2Tokenizer) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=64,
            bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize("more", [{}, {"gradient_checkpointing": True}], ids=str)
def test_texts(
    model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, tmp_path: Path, more: dict[str, Any]
) -> None:
    """Losses are those of the reference's model, and what is saved loads on both sides."""
    model.save_pretrained(tmp_path / "start", tokenizer=tokenizer)
    twin = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "start")
    trainers = []
    for kind, each in ((HubSFTTrainer, model), (trl.SFTTrainer, twin)):
        trainer = kind(
            model=each,
            args=trl.SFTConfig(str(tmp_path / kind.__name__), max_length=32, **SETTINGS, **more),
            train_dataset=datasets.Dataset.from_dict({"text": TEXTS * 2}),
            processing_class=tokenizer.to_transformers(),
        )
        trainer.train()
        trainers.append(trainer)
    assert losses(trainers[0]) == pytest.approx(losses(trainers[1]), rel=1e-4)
    saved = tmp_path / "HubSFTTrainer" / "checkpoint-2"
    given = AutoTokenizer.from_pretrained(saved)(TEXTS[0], return_tensors="pt")
    expected = model.eval()(**given).logits
    for kind in (AutoModelForCausalLM, transformers.AutoModelForCausalLM):
        found = kind.from_pretrained(saved)(**given).logits
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_preferences(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, tmp_path: Path) -> None:
    rows = {"prompt": TEXTS, "chosen": [" yes"] * 3, "rejected": [" no"] * 3}
    torch.manual_seed(0)
    trainer = HubDPOTrainer(
        model=model,
        ref_model=GPT2LMHeadModel(model.config),
        args=trl.DPOConfig(str(tmp_path), max_length=32, **SETTINGS),
        train_dataset=datasets.Dataset.from_dict(rows),
        processing_class=tokenizer.to_transformers(),
    )
    trainer.train()
    assert len(losses(trainer)) == 2
    AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoint-2")


def test_rewards(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, tmp_path: Path) -> None:
    written: list[str] = []

    def length(completions: list[str], **_: Any) -> list[float]:
        written.extend(completions)
        return [float(len(text)) for text in completions]

    settings = {**SETTINGS, "per_device_train_batch_size": 4}
    trainer = HubGRPOTrainer(
        model=model,
        reward_funcs=length,
        args=trl.GRPOConfig(str(tmp_path), max_completion_length=8, num_generations=2, **settings),
        train_dataset=datasets.Dataset.from_dict({"prompt": TEXTS}),
        processing_class=tokenizer.to_transformers(),
    )
    trainer.train()
    assert len(written) == 8
    AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoint-2")
