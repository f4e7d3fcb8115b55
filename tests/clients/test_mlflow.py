"""MLflow logs models of ours, and loads what it has logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

mlflow = pytest.importorskip("mlflow")

from automodel_bert import BertConfig, BertForSequenceClassification  # noqa: E402
from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer  # noqa: E402

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    with mlflow.start_run() as started:
        yield started


def test_a_module() -> None:
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24,
    )  # fmt: skip
    model, ids = BertForSequenceClassification(config).eval(), torch.tensor([[2, 5, 6, 3]])
    logged = mlflow.pytorch.log_model(model, name="bert", serialization_format="pickle")
    again = mlflow.pytorch.load_model(logged.model_uri)
    assert torch.equal(again(ids).logits, model(ids).logits)


class Reader(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """A function of texts that loads its checkpoint from what was logged."""

    def load_context(self, context: Any) -> None:
        folder = context.artifacts["checkpoint"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSeq2SeqLM.from_pretrained(folder)

    def predict(self, context: Any, model_input: list[str]) -> list[str]:
        given = self.tokenizer(list(model_input), padding=True, return_tensors="pt")
        ids = self.model.generate(**given)
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True)


def test_a_function() -> None:
    logged = mlflow.pyfunc.log_model(
        name="reader", python_model=Reader(), artifacts={"checkpoint": str(DEMO)}
    )
    found = mlflow.pyfunc.load_model(logged.model_uri).predict(["forty-two", "nine"])
    assert list(found) == ["42", "9"]
