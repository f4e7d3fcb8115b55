"""transformers' trainers save, resume, evaluate and write as they do with models of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from automodel_bert import BertConfig, BertForSequenceClassification, BertTokenizer  # noqa: E402
from automodel_core import (  # noqa: E402
    AutoImageProcessor,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from automodel_core.integrations import TrainerMixin  # noqa: E402
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer  # noqa: E402
from automodel_vit import ViTConfig, ViTForImageClassification, ViTImageProcessor  # noqa: E402

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"
TEXTS = ["a fox jumps", "the lazy dog sleeps all day", "no dog jumps", "foxes are quick"]
LABELS = [1, 0, 1, 1]
SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32,
}  # fmt: skip


class HubTrainer(TrainerMixin, transformers.Trainer):  # type: ignore[misc, name-defined]
    """A trainer as the documentation makes it."""


class HubSeq2SeqTrainer(  # type: ignore[misc]
    TrainerMixin,
    transformers.Seq2SeqTrainer,  # type: ignore[name-defined]
):
    """A trainer that writes."""


def arguments(folder: Path, kind: Any = transformers.TrainingArguments, **more: Any) -> Any:
    settings = {
        "per_device_train_batch_size": 2, "max_steps": 4, "learning_rate": 1e-3, "report_to": [],
        "use_cpu": True, "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no",
    }  # fmt: skip
    return kind(str(folder), **{**settings, **more})


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    return BertTokenizer().train_new_from_iterator(TEXTS * 3, 80)


def classifier(tokenizer: BertTokenizer, **more: Any) -> BertForSequenceClassification:
    torch.manual_seed(1)
    return BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), **{**SMALL, **more}))


def rows_of(tokenizer: Any) -> list[dict[str, Any]]:
    """Return rows of different lengths, which only a collator pads."""
    return [{**tokenizer(text), "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def test_a_checkpoint_is_one_of_the_hub(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    model = classifier(tokenizer)
    trainer = HubTrainer(
        model,
        arguments(tmp_path, save_steps=2, save_strategy="steps", max_steps=2),
        train_dataset=rows_of(tokenizer),
        processing_class=tokenizer,
    )
    trainer.train()
    saved = tmp_path / "checkpoint-2"
    assert {"config.json", "model.safetensors", "tokenizer.json", "training_args.bin"} <= {
        file.name for file in saved.iterdir()
    }
    given = tokenizer(TEXTS, padding=True, return_tensors="pt")
    expected = model.eval()(**given).logits
    ours = AutoModelForSequenceClassification.from_pretrained(saved)
    torch.testing.assert_close(ours(**given).logits, expected)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(saved)
    torch.testing.assert_close(theirs(**given).logits, expected, atol=1e-5, rtol=1e-5)
    for kind in (AutoTokenizer, transformers.AutoTokenizer):
        again = kind.from_pretrained(saved)(TEXTS)
        assert again.input_ids == tokenizer(TEXTS).input_ids


@pytest.mark.parametrize("kind", ["classifier", "tied"])
def test_resumed_training_is_uninterrupted_training(
    tokenizer: BertTokenizer, tmp_path: Path, kind: str
) -> None:
    def trained(folder: Path, resume: str | None = None, **more: Any) -> Any:
        if kind == "classifier":
            model: Any = classifier(tokenizer)
            rows = rows_of(tokenizer)
        else:
            torch.manual_seed(1)
            size = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16}
            model = GPT2LMHeadModel(GPT2Config(vocab_size=40, **size))
            rows = [{"input_ids": ids, "labels": ids} for ids in torch.arange(24).view(4, 6)]
        trainer = HubTrainer(
            model,
            arguments(folder, save_strategy="steps", save_steps=2, **more),
            train_dataset=rows,
            processing_class=tokenizer,
        )
        trainer.train(resume_from_checkpoint=resume)
        return model

    whole = trained(tmp_path / "whole")
    resumed = trained(tmp_path / "again", str(tmp_path / "whole" / "checkpoint-2"))
    for name, weight in weights(whole).items():
        torch.testing.assert_close(resumed.state_dict()[name], weight, msg=name)
    fresh = classifier(tokenizer) if kind == "classifier" else None
    assert fresh is None or not torch.equal(fresh.classifier.weight, resumed.classifier.weight)


def test_the_best_model_is_loaded_at_the_end(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    model = classifier(tokenizer)
    rows = rows_of(tokenizer)
    trainer = HubTrainer(
        model,
        arguments(
            tmp_path, save_strategy="steps", save_steps=1, eval_strategy="steps", eval_steps=1,
            load_best_model_at_end=True, learning_rate=0.3,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    best = trainer.state.best_model_checkpoint
    expected = AutoModelForSequenceClassification.from_pretrained(best)
    for name, weight in weights(expected).items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert trainer.evaluate()["eval_loss"] == pytest.approx(trainer.state.best_metric, rel=1e-5)


def test_shards_resume(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    source, model = classifier(tokenizer), classifier(tokenizer)
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.normal_()
    source.save_pretrained(tmp_path, max_shard_size="5KB")
    trainer = HubTrainer(model, arguments(tmp_path / "out"), processing_class=tokenizer)
    trainer._load_from_checkpoint(str(tmp_path))
    for name, weight in weights(source).items():
        assert torch.equal(model.state_dict()[name], weight), name


@pytest.mark.parametrize(
    "more",
    [
        {"bf16": True},
        {"label_smoothing_factor": 0.1},
        {"activation_checkpointing": True, "activation_checkpointing_kwargs": {
            "use_reentrant": False, "every_n_layers": 2, "offload": True,
        }},
        {"optim": "adafactor", "lr_scheduler_type": "cosine", "warmup_steps": 1},
        {"neftune_noise_alpha": 5.0},
        {"torch_compile": True, "torch_compile_backend": "eager"},
        {"include_num_input_tokens_seen": True, "train_sampling_strategy": "group_by_length"},
        {"gradient_accumulation_steps": 2, "max_grad_norm": 0.1},
    ],
    ids=str,
)  # fmt: skip
def test_settings_of_training(
    tokenizer: BertTokenizer, tmp_path: Path, more: dict[str, Any]
) -> None:
    model, rows = classifier(tokenizer), rows_of(tokenizer)
    before = weights(model)
    settings = {"max_steps": 2, "save_strategy": "steps", "save_steps": 2, **more}
    trainer = HubTrainer(
        model,
        arguments(tmp_path, **settings),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
        compute_metrics=lambda seen: {
            "right": (seen.predictions.argmax(-1) == seen.label_ids).mean()
        },
    )
    trainer.train()
    assert not torch.equal(model.classifier.weight, before["classifier.weight"])
    assert {"eval_loss", "eval_right"} <= trainer.evaluate().keys()
    predicted = trainer.predict(rows)
    assert predicted.predictions.shape == (4, 2)
    AutoModelForSequenceClassification.from_pretrained(tmp_path / "checkpoint-2")


def test_a_card_and_a_final_model_are_written(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    trainer = HubTrainer(
        classifier(tokenizer),
        arguments(tmp_path, max_steps=1),
        train_dataset=rows_of(tokenizer),
        eval_dataset=rows_of(tokenizer),
        processing_class=tokenizer,
    )
    trainer.train()
    trainer.evaluate()
    trainer.save_model()
    trainer.create_model_card(model_name="foxes", tags="animals")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "foxes" in card
    assert "animals" in card
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == [
        "BertForSequenceClassification"
    ]


def test_the_tokenizers_special_tokens_reach_the_model(tmp_path: Path) -> None:
    tokenizer = GPT2Tokenizer().train_new_from_iterator(TEXTS * 3, 300)
    tokenizer.pad_token = tokenizer.eos_token
    size = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **size))
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
    rows = [tokenizer(text) for text in TEXTS]
    trainer = HubTrainer(
        model,
        arguments(tmp_path, max_steps=1),
        train_dataset=rows,
        data_collator=collator,
        processing_class=tokenizer,
    )
    trainer.train()
    trainer.save_model()
    assert model.config.pad_token_id == tokenizer.eos_token_id == model.config.eos_token_id
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.config.pad_token_id == tokenizer.eos_token_id
    assert theirs.generation_config.pad_token_id == tokenizer.eos_token_id


def test_an_image_processor_is_saved_too(tmp_path: Path) -> None:
    processor = ViTImageProcessor(size={"height": 8, "width": 8})
    config = ViTConfig(
        image_size=8, patch_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8,
    )  # fmt: skip
    pictures = torch.randint(0, 255, (4, 3, 12, 12), dtype=torch.uint8)
    rows = [
        {"pixel_values": processor(picture, return_tensors="pt").pixel_values[0], "label": 1}
        for picture in pictures
    ]
    model = ViTForImageClassification(config)
    settings = arguments(tmp_path, max_steps=1)
    trainer = HubTrainer(model, settings, train_dataset=rows, processing_class=processor)
    trainer.train()
    trainer.save_model()
    for kind in (AutoImageProcessor, transformers.AutoImageProcessor):
        again = kind.from_pretrained(tmp_path)(list(pictures), return_tensors="pt")
        assert again["pixel_values"].shape == (4, 3, 8, 8)
    theirs = transformers.AutoModelForImageClassification.from_pretrained(tmp_path)
    given = torch.stack([row["pixel_values"] for row in rows])
    torch.testing.assert_close(
        theirs(given).logits, model.eval()(given).logits, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("beams", [1, 2])
def test_a_trainer_writes_and_saves(tmp_path: Path, beams: int) -> None:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    model = AutoModelForSeq2SeqLM.from_pretrained(DEMO)
    texts, answers = ["forty-two", "six hundred and twelve", "nine"], ["42", "612", "9"]
    encoded = tokenizer(texts, text_target=answers)
    rows = [{key: encoded[key][row] for key in encoded} for row in range(3)]
    written: list[str] = []

    def exact(seen: Any) -> dict[str, float]:
        ids = torch.as_tensor(seen.predictions)
        written[:] = tokenizer.batch_decode(
            ids.masked_fill(ids == -100, tokenizer.pad_token_id), skip_special_tokens=True
        )
        return {"exact": sum(map(str.__eq__, written, answers)) / len(answers)}

    trainer = HubSeq2SeqTrainer(
        model,
        arguments(
            tmp_path, transformers.Seq2SeqTrainingArguments, predict_with_generate=True,
            generation_max_length=12, generation_num_beams=beams, max_steps=1, learning_rate=1e-6,
            save_strategy="steps", save_steps=1, eval_strategy="steps", eval_steps=1,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorForSeq2Seq(tokenizer, model=model),
        compute_metrics=exact,
    )  # fmt: skip
    trainer.train()
    assert written == answers
    assert trainer.evaluate()["eval_exact"] == 1.0
    assert trainer.predict(rows).metrics["test_exact"] == 1.0
    saved = tmp_path / "checkpoint-1"
    given = tokenizer(texts, padding=True, return_tensors="pt")
    for kind in (AutoModelForSeq2SeqLM, transformers.AutoModelForSeq2SeqLM):
        again = kind.from_pretrained(saved)
        assert again.generation_config.max_new_tokens == 12
        ids = again.generate(**given, max_new_tokens=8)
        assert tokenizer.batch_decode(ids, skip_special_tokens=True) == answers


@pytest.mark.parametrize("given", ["folder", "object"])
def test_settings_of_generation_may_be_the_trainers(tmp_path: Path, given: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    model = AutoModelForSeq2SeqLM.from_pretrained(DEMO)
    theirs = transformers.GenerationConfig.from_pretrained(DEMO, max_new_tokens=3)
    settings = str(DEMO) if given == "folder" else theirs
    row = {**tokenizer("six hundred and twelve"), "labels": tokenizer("612").input_ids}
    trainer = HubSeq2SeqTrainer(
        model,
        arguments(
            tmp_path, transformers.Seq2SeqTrainingArguments, predict_with_generate=True,
            generation_config=settings,
        ),
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorForSeq2Seq(tokenizer, model=model),
    )  # fmt: skip
    predicted = trainer.predict([row]).predictions[0].tolist()
    assert tokenizer.decode(predicted, skip_special_tokens=True).startswith("61")
    trainer.save_model()
    AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
