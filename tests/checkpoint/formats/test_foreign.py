"""Weights of TensorFlow and Flax are found, translated, and compute what the frameworks compute.

`tests/foreign/write.py` wrote the files with the frameworks themselves.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_core
from automodel_core import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForVision2Seq,
)
from automodel_core.auto.lock import lock_checkpoint
from automodel_core.checkpoint import save_weights
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    InputError,
    LockMismatchError,
    PluginNotInstalledError,
)
from support.hub import FakeHub
from support.tiny_plugin import Site

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "foreign" / "data"
DEMOS = {"bundle": ROOT / "docs/demo/tf_bert", "captions": ROOT / "docs/demo/tf_model"}
MODELS = (
    *("keras", "keras-safetensors", "bundle", "captions"),
    *("flax", "flax-shards", "flax-safetensors"),
)
CAPTIONS = "vision_encoder_decoder_checkpoint.ckpt.index"


def folder_of(name: str) -> Path:
    return DEMOS.get(name, DATA / name)


def expected(name: str) -> Any:
    return json.loads((folder_of(name) / "expected.json").read_text("utf-8"))


def check_outputs(name: str, model: Any) -> None:
    told = expected(name)
    given = {key: torch.tensor(value) for key, value in told["inputs"].items()}
    with torch.no_grad():
        found = model(**given)
    assert told["outputs"]
    for key, value in told["outputs"].items():
        torch.testing.assert_close(found[key], torch.tensor(value), rtol=0, atol=5e-6)


def copied(name: str, target: Path) -> Path:
    return Path(shutil.copytree(folder_of(name), target / name))


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_of_another_framework_computes_the_same(name: str) -> None:
    auto = getattr(automodel_core, expected(name)["auto_class"])
    for options in ({}, {"from_flax" if "flax" in name else "from_tf": True}):
        model, info = auto.from_pretrained(folder_of(name), output_loading_info=True, **options)
        assert not any(info.values()), info
        check_outputs(name, model)


@pytest.mark.parametrize("name", MODELS)
def test_a_plan_and_a_report_know_its_weights(name: str) -> None:
    auto = getattr(automodel_core, expected(name)["auto_class"])
    plan, model = auto.plan(folder_of(name)), auto.from_pretrained(folder_of(name))
    assert plan.missing == plan.unexpected == plan.mismatched == ()
    assert plan.report is not None
    assert set(plan.report.loaded) == set(model.load_report.loaded)
    stored = {record.stored_name for record in model.load_report.weights}
    assert any("/" in each or "kernel" in each for each in stored)
    assert {record.file for record in model.load_report.weights} <= {*plan.files, ""}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_are_cast_as_any_others(dtype: str) -> None:
    model = AutoModelForMaskedLM.from_pretrained(DATA / "keras", dtype=dtype)
    usual = AutoModelForMaskedLM.from_pretrained(DATA / "keras").to(getattr(torch, dtype))
    weights = usual.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_the_lines_of_the_page() -> None:
    """With a path to the index, ``from_tf`` and a configuration, as the documentation has it."""
    config = AutoConfig.from_pretrained(DEMOS["captions"])
    path = str(DEMOS["captions"] / CAPTIONS)
    for name in (path, path.removesuffix(".index")):
        for options in ({"from_tf": True, "config": config}, {"config": config}, {}):
            model = AutoModelForVision2Seq.from_pretrained(name, **options)
            check_outputs("captions", model)


def test_a_path_says_which_of_several_files_is_read(tmp_path: Path) -> None:
    folder = copied("keras", tmp_path)
    AutoModelForMaskedLM.from_pretrained(DATA / "flax-shards").save_pretrained(folder)
    config = AutoConfig.from_pretrained(folder)
    for chosen in (folder / "tf_model.h5", folder):
        options = {"config": config} if chosen.is_file() else {"from_tf": True}
        model = AutoModelForMaskedLM.from_pretrained(chosen, **options)
        check_outputs("keras", model)
    assert AutoModelForMaskedLM.plan(folder).files == ("model.safetensors",)
    index = DATA / "flax-shards" / "flax_model.msgpack.index.json"
    check_outputs("flax-shards", AutoModelForMaskedLM.from_pretrained(index))


def test_what_is_saved_is_torchs(tmp_path: Path) -> None:
    AutoModelForMaskedLM.from_pretrained(DATA / "keras").save_pretrained(tmp_path)
    model = AutoModelForMaskedLM.from_pretrained(tmp_path)
    assert AutoModelForMaskedLM.plan(tmp_path).weights.metadata["format"] == "pt"
    check_outputs("keras", model)


def test_weights_may_be_read_into_memory_of_their_own() -> None:
    for name in ("keras", "flax-shards"):
        check_outputs(
            name, AutoModelForMaskedLM.from_pretrained(folder_of(name), disable_mmap=True)
        )


def test_both_frameworks_or_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exclude each other"):
        AutoModelForMaskedLM.from_pretrained(DATA / "keras", from_tf=True, from_flax=True)
    with pytest.raises(CheckpointNotFoundError, match="Leave from_flax=True out"):
        AutoModelForMaskedLM.from_pretrained(DATA / "keras", from_flax=True)
    with pytest.raises(InputError, match=r"from_flax=True: .* has none of these weights"):
        AutoModelForMaskedLM.from_pretrained(DATA / "keras-safetensors", from_flax=True)
    folder = copied("bundle", tmp_path)
    for path in folder.glob("bert_model*"):
        path.with_name(path.name.replace("bert_model", "other")).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"give the path of one of bert_model\.ckpt\.index, oth"):
        AutoModelForMaskedLM.from_pretrained(folder)


def test_a_configuration_may_have_the_name_of_its_type(tmp_path: Path) -> None:
    folder = copied("bundle", tmp_path)
    values = json.loads((folder / "config.json").read_text("utf-8"))
    del values["model_type"]
    (folder / "config.json").unlink()
    (folder / "bert_config.json").write_text(json.dumps(values))
    check_outputs("bundle", AutoModelForPreTraining.from_pretrained(folder))


def test_a_checkpoint_of_several_files_comes_from_the_hub_and_is_locked(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.add_folder("org/bundle", DEMOS["bundle"])
    model = AutoModelForPreTraining.from_pretrained("org/bundle", from_tf=True)
    check_outputs("bundle", model)
    folder = copied("bundle", tmp_path)
    lock = lock_checkpoint(folder)
    data = "bert_model.ckpt.data-00000-of-00001"
    assert {"bert_model.ckpt.index", data} <= lock.files.keys()
    check_outputs("bundle", AutoModelForPreTraining.from_pretrained(folder, lock=lock.to_dict()))
    (folder / data).write_bytes(bytes((folder / data).stat().st_size))
    with pytest.raises(LockMismatchError, match=data):
        AutoModelForPreTraining.from_pretrained(folder, lock=lock.to_dict())


def test_what_batch_norms_counted_may_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = AutoConfig.for_model("resnet", embedding_size=4, hidden_sizes=[4], depths=[1])
    model = AutoModel.from_config(config)
    model.save_pretrained(tmp_path)
    state = model.hub_state_dict()
    kept = {name: value for name, value in state.items() if "num_batches" not in name}
    assert len(kept) < len(state)
    save_weights(kept, tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    assert set(loaded.load_report.missing) == state.keys() - kept.keys()
    assert all(int(b) == 0 for n, b in loaded.named_buffers() if "num_batches" in n)
    assert not caplog.records


def test_two_names_that_are_one_in_torch_are_refused(tmp_path: Path) -> None:
    folder = copied("keras-safetensors", tmp_path)
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["bert/encoder/layer_._0/output/LayerNorm/weight:0"] = header.pop(
        "bert/encoder/layer_._0/output/LayerNorm/beta:0"
    )
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(CheckpointFormatError, match=r"both called .*LayerNorm\.weight in torch"):
        AutoModelForMaskedLM.from_pretrained(folder)


MISSING = {
    "keras": "'tf_model.h5' needs automodel-tensorflow.*pip install automodel-tensorflow",
    "bundle": "'bert_model.ckpt.index' needs automodel-tensorflow",
    "flax": "'flax_model.msgpack' needs automodel-flax",
    "keras-safetensors": "tf.*pip install automodel-tensorflow",
    "flax-safetensors": "flax.*pip install automodel-flax",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_reader_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    models = {"bert": "automodel_bert.plugin", "gpt2": "automodel_gpt2.plugin"}
    for model_type, module in models.items():
        site.metadata(f"automodel-{model_type}", "automodel.architectures", {model_type: module})
    site.use(monkeypatch)
    auto = getattr(automodel_core, expected(name)["auto_class"])
    for options in ({}, {"from_flax" if "flax" in name else "from_tf": True}):
        with pytest.raises(PluginNotInstalledError, match=MISSING[name]):
            auto.from_pretrained(folder_of(name), **options)
        with pytest.raises(PluginNotInstalledError, match=MISSING[name]):
            auto.plan(folder_of(name), **options)
