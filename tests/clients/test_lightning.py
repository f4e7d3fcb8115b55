"""Lightning trains, saves, resumes and predicts with a model of ours inside its module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

lightning = pytest.importorskip("lightning")

from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

from automodel_bert import BertTokenizer  # noqa: E402
from automodel_core import AutoConfig, AutoModelForSequenceClassification  # noqa: E402

TEXTS = ["a fox jumps", "the lazy dog sleeps all day", "no dog jumps", "foxes are quick"] * 2
SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


class Classifier(lightning.LightningModule):  # type: ignore[misc, name-defined]
    """A module as the documentation of Lightning shows it."""

    def __init__(self, vocabulary: int, rate: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        config = AutoConfig.for_model("bert", vocab_size=vocabulary, **SMALL)
        self.model = AutoModelForSequenceClassification.from_config(config)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss: torch.Tensor = self.model(**batch).loss
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        output = self.model(**batch)
        self.log("val_loss", output.loss)

    def predict_step(self, batch: Any, index: int) -> Any:
        return self.model(**batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.hparams["rate"])


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    return BertTokenizer().train_new_from_iterator(TEXTS, 60)


def loader(tokenizer: BertTokenizer) -> DataLoader[Any]:
    def collate(rows: list[int]) -> Any:
        batch = tokenizer([TEXTS[row] for row in rows], padding=True, return_tensors="pt")
        return {**batch, "labels": torch.tensor([row % 2 for row in rows])}

    return DataLoader(range(len(TEXTS)), batch_size=2, collate_fn=collate)  # type: ignore[arg-type]


def trainer(folder: Path, epochs: int, **more: Any) -> Any:
    return lightning.Trainer(
        default_root_dir=folder, max_epochs=epochs, accelerator="cpu", logger=False,
        enable_progress_bar=False, enable_model_summary=True, **more,
    )  # fmt: skip


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_resumed_training_is_uninterrupted_training(
    tokenizer: BertTokenizer, tmp_path: Path, precision: Any
) -> None:
    data, more = loader(tokenizer), {"precision": precision, "accumulate_grad_batches": 2}

    def fresh() -> Classifier:
        torch.manual_seed(0)
        return Classifier(len(tokenizer))

    whole = fresh()
    trainer(tmp_path / "whole", 2, **more).fit(whole, data, data)

    callback = ModelCheckpoint(tmp_path / "half", save_last=True, monitor="val_loss")
    trainer(tmp_path / "half", 1, callbacks=[callback], **more).fit(fresh(), data, data)
    resumed = fresh()
    trainer(tmp_path / "again", 2, **more).fit(
        resumed, data, data, ckpt_path=callback.last_model_path
    )
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], weight, msg=name)


def test_a_checkpoint_is_read_and_becomes_one_of_the_hub(
    tokenizer: BertTokenizer, tmp_path: Path
) -> None:
    data, module = loader(tokenizer), Classifier(len(tokenizer))
    fitted = trainer(tmp_path, 1)
    fitted.fit(module, data)
    assert module.model.training
    fitted.save_checkpoint(tmp_path / "last.ckpt")
    again = Classifier.load_from_checkpoint(tmp_path / "last.ckpt")
    predicted = fitted.predict(again, data)
    assert len(predicted) == 4
    assert predicted[0].logits.shape == (2, 2)
    again.model.save_pretrained(tmp_path / "hub", tokenizer=tokenizer)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "hub")
    batch = next(iter(data))
    torch.testing.assert_close(model(**batch).logits, predicted[0].logits)


def test_a_loaded_model_stays_in_evaluation(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    """Lightning keeps the mode that each part is in, as it does for transformers' models."""
    module = Classifier(len(tokenizer))
    module.model.save_pretrained(tmp_path)
    module.model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    trainer(tmp_path, 1).fit(module, loader(tokenizer))
    assert not module.model.training
