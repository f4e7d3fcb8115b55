"""Programs in onnxruntime: heads at other sizes and masks, and decoding step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
)
from automodel_core.cli import main
from automodel_core.exporting import DecodingStep, decode_greedily, example_inputs, export_model

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ROOT = Path(__file__).parents[2]
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 50, "n_positions": 16}
BERT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 50,
}


def run(file: Path, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    arrays = {part.name: given[part.name].numpy() for part in session.get_inputs()}
    return [torch.tensor(value) for value in session.run(None, arrays)]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_head_takes_other_sizes_and_masks(tmp_path: Path, attention: str) -> None:
    config = AutoConfig.for_model("bert", **BERT)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    model.set_attn_implementation(attention)
    full = example_inputs(model, 2, 8)
    full["attention_mask"].fill_(1)
    done = export_model(model, tmp_path / "out", to="onnx", inputs=full)
    padded = example_inputs(model, 4, 6)
    padded["attention_mask"][1, 2:] = 0
    with torch.no_grad():
        torch.testing.assert_close(run(done.file, padded)[0], model(**padded).logits)


def test_the_state_of_the_last_end_is_found(tmp_path: Path) -> None:
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "vocab_size": 50}
    feed_forward = {f"{part}_ffn_dim": 16 for part in ("encoder", "decoder")}
    heads = {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
    config = AutoConfig.for_model("bart", **sizes, **feed_forward, **heads)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    done = export_model(model, tmp_path / "out", to="onnx")
    others = example_inputs(model, 3, 6)
    with torch.no_grad():
        torch.testing.assert_close(run(done.file, others)[0], model(**others).logits)


def test_windows_of_an_image_take_another_batch(tmp_path: Path) -> None:
    sizes = {"image_size": [32, 32], "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2]}
    model = AutoModel.from_config(AutoConfig.for_model("donut-swin", **sizes, window_size=4)).eval()
    done = export_model(model, tmp_path / "out", to="onnx")
    pictures = example_inputs(model, 3, 0)
    with torch.no_grad():
        found, expected = run(done.file, pictures)[0], model(**pictures).last_hidden_state
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("checkpoint", ["checkpoint", "pictures/checkpoint"])
def test_the_command_writes_checkpoints(
    tmp_path: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(ROOT / "docs" / "demo" / checkpoint), str(tmp_path / "out")]
    assert main([*command, "--to", "onnx", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["difference"] < 1e-4
    assert "logits" in told["outputs"]


def test_decoding_step_by_step(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **GPT2)).eval()
    step, prompt = DecodingStep(model, 16), torch.randint(3, 50, (3, 4))
    cache, open_rows = step.empty_cache(2), {0: torch.export.Dim.DYNAMIC}
    example = torch.ones(2, 1, dtype=torch.long), torch.tensor(3), cache
    sizes = open_rows, {}, tuple(open_rows for _ in cache)
    file = tmp_path / "step.onnx"
    with torch.no_grad():
        torch.onnx.export(step, example, file, dynamic_shapes=sizes, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])

    def ran(token: torch.Tensor, position: torch.Tensor, cache: Any) -> Any:
        names = [part.name for part in session.get_inputs()]
        given = (value.numpy() for value in (token, position, *cache))
        scores, *written = map(
            torch.tensor, session.run(None, dict(zip(names, given, strict=True)))
        )
        return scores, written

    found = decode_greedily(ran, prompt, step.empty_cache(3), 5)
    written = model.generate(prompt, max_new_tokens=5, eos_token_id=None, pad_token_id=0)
    assert torch.equal(found, written)
