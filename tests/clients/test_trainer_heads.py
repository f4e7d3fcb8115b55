"""transformers' Trainer trains every head, with the losses that the reference's model has there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from automodel_core.testing.case import Subject  # noqa: E402
from support.subjects import HEADS  # noqa: E402

ALIKE = ("deit", "mt5", "umt5")
"""Architectures whose heads are those of another one."""
READS_MORE = ("speecht5",)
"""Whose inputs follow from the texts that they speak; `tests/parity` compares losses."""
WITH_LABELS = [
    name
    for name, subject in HEADS.items()
    if subject.model_type not in (*ALIKE, *READS_MORE) and subject.labels(subject.config())
]
JOINED = ("EncoderDecoderModel", "SpeechEncoderDecoderModel", "VisionEncoderDecoderModel")
"""Their parts are the suite's own, which the reference has not."""
UNTRAINED = (
    "GLPNForDepthEstimation", "SamModel", "Swin2SRForImageSuperResolution",
    "Wav2Vec2ForAudioFrameClassification", "WavLMForAudioFrameClassification",
)  # fmt: skip
"""Where the reference has no loss, none of these labels, or one that cannot be divided in place."""
COUNTS_THE_BATCH = (
    "BertLMHeadModel", "GPT2LMHeadModel", "ViTForImageClassification",
)  # fmt: skip
"""Where the reference's loss heeds ``num_items_in_batch``; elsewhere its parts add up to double."""
IGNORES_NO_LABEL = ("electra",)
"""Where the reference takes -100 for a label as any other."""
BACKBONES = ("DetrModel", "TableTransformerModel")
"""Whose first stages do not learn here; in the reference, whose names they miss, no stage does."""
Losses = list[float]


def undisturbed(subject: Subject) -> Any:
    """Return a model without dropout, which draws in another order in the reference."""
    return subject.model(**without_dropout(subject.skeleton.config))


def without_dropout(config: Any) -> dict[str, Any]:
    """Return the keys of dropout as zeros, and all keys of parts that drop."""
    zero = {key: 0.0 for key in config if "drop" in key and isinstance(config.get(key), float)}
    inside = {name: without_dropout(part) for name, part in config.parts().items()}
    return zero | {
        name: {**config.get(name).to_dict(), **keys} for name, keys in inside.items() if keys
    }


def rows_of(subject: Subject, config: Any) -> list[dict[str, Any]]:
    """Return eight rows; in every second one some labels do not count."""
    given = {**subject.example(config), **subject.labels(config)}
    given.pop("decoder_inputs_embeds", None)  # which the reference's detectors ignore
    if "labels" in given:
        given.pop("decoder_input_ids", None)
    rows = [
        {key: values if values is True else values[row] for key, values in given.items()}
        for row in (0, 1) * 4
    ]
    if subject.model_type in IGNORES_NO_LABEL:
        return rows
    for row in rows[1::2]:
        if isinstance(row.get("labels"), torch.Tensor) and row["labels"].dim() == 1:
            row["labels"] = row["labels"].clone()
            row["labels"][:3] = -100
    return rows


def together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return rows as one batch: tensors of one shape stacked, others in a list, wishes once."""

    def joined(values: list[Any]) -> Any:
        tensors = isinstance(values[0], torch.Tensor)
        if tensors and len({value.shape for value in values}) == 1:
            return torch.stack(values)
        return True if values[0] is True else values

    return {key: joined([row[key] for row in rows]) for key in rows[0]}


def losses(model: Any, rows: Any, folder: Path, **settings: Any) -> tuple[Losses, float]:
    """Return the losses of two steps, and that of evaluation after them."""
    told = ("positions", "_pos", "return_loss", "_indices")
    names = [name for name in rows[0] if "label" in name or name.endswith(told)]
    arguments = {
        "label_names": names, "per_device_train_batch_size": 2, "max_steps": 2,
        "learning_rate": 1e-3, "logging_steps": 1, "save_strategy": "no", "report_to": [],
        "use_cpu": True, "disable_tqdm": True,
    }  # fmt: skip
    trainer = transformers.Trainer(
        model,
        transformers.TrainingArguments(str(folder), **{**arguments, **settings}),
        train_dataset=rows,
        eval_dataset=rows,
        data_collator=together,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return logged, trainer.evaluate()["eval_loss"]


def freeze_as_new(twin: Any) -> None:
    """Freeze what a new model of the reference freezes: it forgets that when it loads."""
    new = dict(type(twin)(twin.config).named_parameters())
    for name, weight in twin.named_parameters():
        weight.requires_grad_(new[name].requires_grad)


@pytest.mark.parametrize("head", WITH_LABELS)
def test_losses_are_those_of_the_reference(head: str, tmp_path: Path) -> None:
    model = undisturbed(HEADS[head])
    rows = rows_of(HEADS[head], model.config)
    model.save_pretrained(tmp_path)
    twin = (
        None
        if head in JOINED + UNTRAINED
        else getattr(transformers, head).from_pretrained(tmp_path)
    )
    if twin is not None:
        freeze_as_new(twin)
        for part in model.modules():
            if type(part).__name__ in BACKBONES:
                part.freeze_backbone()
    found, evaluated = losses(model, rows, tmp_path)
    assert found[0] > 0
    if twin is not None:
        expected, expected_evaluated = losses(twin, rows, tmp_path)
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert evaluated == pytest.approx(expected_evaluated, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("head", WITH_LABELS)
def test_accumulated_parts_are_the_whole_batch(head: str, tmp_path: Path) -> None:
    """Losses of two parts of two rows are those of four; in the reference, where it counts them."""
    subject = HEADS[head]
    model, whole = undisturbed(subject), undisturbed(subject)
    rows = rows_of(subject, model.config)
    model.save_pretrained(tmp_path)
    steps = {"gradient_accumulation_steps": 2}
    found = losses(model, rows, tmp_path, **steps)
    if model.accepts_loss_kwargs:
        expected = losses(whole, rows, tmp_path, per_device_train_batch_size=4)
        assert found[0] == pytest.approx(expected[0], rel=1e-4)
    if head in COUNTS_THE_BATCH:
        twin = getattr(transformers, head).from_pretrained(tmp_path)
        assert found[0] == pytest.approx(losses(twin, rows, tmp_path, **steps)[0], rel=1e-4)
