"""``automodel-core convert``: formats, dtypes, shards, in place, into a folder, onto the hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForVision2Seq
from automodel_core.checkpoint import save_weights
from automodel_core.checkpoint.formats.safetensors_header import read_header
from automodel_core.cli import main
from automodel_core.cli.converting import SHORT
from automodel_core.registry import imports
from support.hub import FakeHub, hub

__all__ = ["hub"]

Capture = pytest.CaptureFixture[str]
TOKENS = torch.tensor([[3, 4, 5]])


def logits(folder: Any, **options: Any) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    found: torch.Tensor = model(TOKENS).logits
    return found


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def told(capsys: Capture, *arguments: str) -> Any:
    assert main(["convert", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def pickled(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint in shards of the older format, with a tokenizer."""
    folder = tmp_path / "pickled"
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    model.save_pretrained(folder, safe_serialization=False, max_shard_size="15KB")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "x.jinja").write_text("x")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.json").write_text("{}")
    assert len(list(folder.glob("pytorch_model-*.bin"))) > 1
    return folder


OTHERS = {"config.json", "generation_config.json", "tokenizer.json", "additional_chat_templates"}


def test_into_a_folder(pickled: Path, tmp_path: Path, capsys: Capture) -> None:
    before = logits(pickled)
    said = told(capsys, str(pickled), str(tmp_path / "new"))
    assert list(said["written"]) == ["model.safetensors"]
    assert "additional_chat_templates/x.jinja" in said["copied"]
    assert names(tmp_path / "new") == {*OTHERS, "model.safetensors"}
    assert torch.equal(logits(tmp_path / "new", use_safetensors=True), before)
    assert read_header(tmp_path / "new" / "model.safetensors").metadata.keys() == {
        "format",
        "automodel-core",
        "automodel-tiny-gpt",
    }
    assert main(["convert", str(pickled), str(tmp_path / "new")]) == 1
    assert "name a new folder" in capsys.readouterr().err


def test_in_place(pickled: Path, capsys: Capture) -> None:
    before, others = logits(pickled), {*OTHERS, "onnx"}
    assert told(capsys, str(pickled))["hub"] is None
    assert names(pickled) == {*others, "model.safetensors"}
    told(capsys, str(pickled), "--shard-size", "15KB")
    shards = {path.name for path in pickled.glob("model-*.safetensors")}
    assert len(shards) > 1
    assert names(pickled) == {*others, *shards, "model.safetensors.index.json"}
    assert torch.equal(logits(pickled), before)


def test_in_place_or_not_at_all(pickled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, files = logits(pickled), names(pickled)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = "automodel_core.checkpoint.save:write_safetensors"
    monkeypatch.setitem(imports._resolved, writer, full)
    assert main(["convert", str(pickled), "--dtype", "bf16"]) == 1
    assert names(pickled) == files
    assert torch.equal(logits(pickled), before)


@pytest.mark.parametrize("short", sorted(SHORT))
def test_another_dtype(short: str, checkpoint: Path, tmp_path: Path, capsys: Capture) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    config.pop("dtype", None)
    (checkpoint / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))
    told(capsys, str(checkpoint), str(tmp_path / "new"), "--dtype", short)
    header = read_header(tmp_path / "new" / "model.safetensors")
    assert {info.dtype for info in header.tensors.values()} == {SHORT[short]}
    new = json.loads((tmp_path / "new" / "config.json").read_text())
    assert new == {**config, "torch_dtype": SHORT[short]}
    found = logits(tmp_path / "new")
    assert torch.equal(found, logits(checkpoint, dtype=SHORT[short]))
    assert str(found.dtype) == f"torch.{SHORT[short]}"


def test_a_variant_beside_the_usual_weights(checkpoint: Path, capsys: Capture) -> None:
    before = (checkpoint / "config.json").read_bytes()
    told(capsys, str(checkpoint), "--dtype", "fp16", "--variant", "fp16")
    assert {"model.safetensors", "model.fp16.safetensors"} <= names(checkpoint)
    assert (checkpoint / "config.json").read_bytes() == before
    half = logits(checkpoint, variant="fp16", dtype=torch.float16)
    assert torch.equal(half, logits(checkpoint, dtype=torch.float16))
    told(capsys, str(checkpoint), "--source-variant", "fp16", "--variant", "fp16")
    told(capsys, str(checkpoint), "--source-variant", "fp16")
    header = read_header(checkpoint / "model.safetensors")
    assert {info.dtype for info in header.tensors.values()} == {"float16"}
    assert "model.fp16.safetensors" in names(checkpoint)


def test_without_the_plugin_what_shares_memory_is_written_twice(
    tmp_path: Path, capsys: Capture
) -> None:
    shared = torch.randn(3, 4)
    torch.save({"a": shared, "b": shared, "n": torch.tensor([1])}, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text('{"model_type": "nobody-knows"}')
    assert main(["convert", str(tmp_path), str(tmp_path / "new"), "--dtype", "bf16"]) == 0
    assert "the model is not known" in capsys.readouterr().err
    tensors = read_header(tmp_path / "new" / "model.safetensors").tensors
    assert {name: info.dtype for name, info in tensors.items()} == {
        "a": "bfloat16",
        "b": "bfloat16",
        "n": "int64",
    }


def test_numbers_with_scales_stay_what_they_are(tmp_path: Path, capsys: Capture) -> None:
    save_weights({"a": torch.ones(4).to(torch.float8_e4m3fn)}, tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nobody-knows"}')
    assert main(["convert", str(tmp_path), "--dtype", "bf16"]) == 1
    assert "need a scale" in capsys.readouterr().err
    assert main(["convert", str(tmp_path), str(tmp_path / "new")]) == 0


def test_onto_the_hub(checkpoint: Path, hub: FakeHub, capsys: Capture) -> None:
    AutoModelForCausalLM.from_pretrained(checkpoint).save_pretrained(
        checkpoint, safe_serialization=False
    )
    hub.add_folder("org/old", checkpoint)
    before = logits("org/old")
    assert main(["convert", "org/old"]) == 1
    assert "--to-hub" in capsys.readouterr().err
    said = told(capsys, "org/old", "--to-hub", "org/new", "--dtype", "fp32", "--shard-size", "15KB")
    assert said["folder"] is None
    assert said["hub"].startswith(hub.endpoint)
    repository = hub.repositories["org/new"]
    files = repository.commits[repository.refs["main"]]
    assert {"config.json", "README.md", "model.safetensors.index.json"} <= files.keys()
    assert b"org/old" in files["README.md"]
    assert torch.equal(logits("org/new"), before)


def test_a_bar_shows_progress(
    checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(checkpoint, checkpoint.parent / "copy"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main(["convert", str(copy)]) == 0
    assert "100%" in capsys.readouterr().err
    assert main(["convert", str(copy), "--quiet"]) == 0
    assert "100%" not in capsys.readouterr().err


FOREIGN = Path(__file__).parents[1] / "foreign" / "data"
DEMOS = Path(__file__).parents[2] / "docs" / "demo"


@pytest.mark.parametrize("file", ["", "vision_encoder_decoder_checkpoint.ckpt.index"])
def test_weights_of_another_framework_get_the_hubs_names(
    file: str, tmp_path: Path, capsys: Capture
) -> None:
    told(capsys, str(DEMOS / "tf_model" / file), str(tmp_path / "new"))
    assert names(tmp_path / "new") == {"config.json", "expected.json", "model.safetensors"}
    header = read_header(tmp_path / "new" / "model.safetensors")
    assert header.metadata["format"] == "pt"
    assert "encoder.embeddings.cls_token" in header.tensors
    assert "decoder.transformer.wte.weight" in header.tensors
    old, new = (
        AutoModelForVision2Seq.from_pretrained(path).state_dict()
        for path in (DEMOS / "tf_model", tmp_path / "new")
    )
    assert all(torch.equal(new[name], value) for name, value in old.items())


def test_weights_of_another_framework_in_place(tmp_path: Path, capsys: Capture) -> None:
    folder = Path(shutil.copytree(FOREIGN / "flax-shards", tmp_path / "model"))
    told(capsys, str(folder), "--dtype", "bf16")
    assert names(folder) == {"config.json", "expected.json", "model.safetensors"}
    tensors = read_header(folder / "model.safetensors").tensors
    assert {info.dtype for info in tensors.values()} == {"bfloat16"}
    assert AutoModelForMaskedLM.from_pretrained(folder).load_report.complete
