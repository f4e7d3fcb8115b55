"""OpenVINO's and ExecuTorch's converters: a full mask at tracing, a padded one later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoConfig, AutoModelForSequenceClassification
from automodel_core.exporting import example_inputs

BERT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 50,
}


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model("bert", **BERT)
    return AutoModelForSequenceClassification.from_config(config).eval()


def full(model: Any) -> dict[str, torch.Tensor]:
    inputs = example_inputs(model, 2, 8)
    inputs["attention_mask"].fill_(1)
    return inputs


def padded(model: Any) -> dict[str, torch.Tensor]:
    inputs = example_inputs(model, 3, 5)
    inputs["attention_mask"][1, 2:] = 0
    return inputs


@torch.no_grad()
def test_openvino(model: Any) -> None:
    openvino = pytest.importorskip("openvino")
    converted = openvino.convert_model(model, example_input=full(model))
    given = padded(model)
    arrays = {name: value.numpy() for name, value in given.items()}
    found = torch.tensor(openvino.compile_model(converted, "CPU")(arrays)[0])
    torch.testing.assert_close(found, model(**given).logits, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_executorch(model: Any, tmp_path: Path) -> None:
    exir = pytest.importorskip("executorch.exir")
    runtime = pytest.importorskip("executorch.runtime").Runtime.get()
    example = full(model)
    sizes = {0: torch.export.Dim("batch", max=4), 1: torch.export.Dim("length", max=16)}
    program = torch.export.export(model, (), example, dynamic_shapes=dict.fromkeys(example, sizes))
    file = tmp_path / "model.pte"
    file.write_bytes(exir.to_edge(program).to_executorch().buffer)
    given = padded(model)
    (found,) = runtime.load_program(file).load_method("forward").execute([*given.values()])
    torch.testing.assert_close(found, model(**given).logits)
