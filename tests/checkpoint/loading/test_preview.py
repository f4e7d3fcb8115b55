"""Plans: what a load would do, without the weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from automodel_core.checkpoint.loading.preview import plan_weights
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.save import save_weights
from support.hub import FakeHub, environment

STATE = {
    "wte.weight": torch.zeros(300, 200),
    "half": torch.zeros(5, dtype=torch.float16),
    "other": torch.zeros(2),
}
NAMES = WeightNames({"wte": "embed"})


def test_local_files_are_compared_with_a_model(tmp_path: Path) -> None:
    save_weights(STATE, tmp_path)
    plan = plan_weights(open_checkpoint(tmp_path))
    assert plan.files == ("model.safetensors",)
    assert plan.format == "safetensors"
    assert plan.local
    assert plan.nbytes == (tmp_path / "model.safetensors").stat().st_size
    assert plan.dtypes == {"float32": 240_008, "float16": 10}
    shapes = {"embed.weight": (300, 200), "half": (6,), "bias": (1,), "head": (300, 200)}
    report = plan.compare(
        shapes, NAMES, tied={"head": "embed.weight"}, dtype_of=lambda module, stored: "bfloat16"
    )
    assert report is not None
    by_name = {weight.name: weight for weight in report.weights}
    assert by_name["wte.weight"].outcome == ("cast",)
    assert by_name["head"].outcome == ("tied",)
    assert (by_name["head"].stored_name, by_name["head"].dtype) == ("wte.weight", "bfloat16")
    assert by_name["half"].outcome == ("mismatched",)
    assert by_name["other"].outcome == ("unexpected",)
    assert by_name["bias"].outcome == ("new",)
    assert report.loaded == ("wte.weight",)
    assert report.missing == ("bias",)
    assert report.tied == ("head",)
    assert report.unexpected == ("other",)
    assert report.mismatched == (("half", (5,), (6,)),)


def test_pickles_tell_only_their_size(tmp_path: Path) -> None:
    save_weights(STATE, tmp_path, safe_serialization=False)
    plan = plan_weights(open_checkpoint(tmp_path))
    assert plan.tensors is None
    assert plan.compare({}, NAMES) is None
    assert plan.nbytes == (tmp_path / "pytorch_model.bin").stat().st_size


def test_of_files_on_the_hub_only_headers_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_weights(STATE, folder, max_shard_size=240_000)
    hub.add_folder("org/big", folder)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    code = (
        "import sys; from automodel_core.checkpoint.loading.preview import plan_weights\n"
        "from automodel_core.checkpoint.places.source import open_checkpoint\n"
        "plan = plan_weights(open_checkpoint('org/big'))\n"
        "assert len(plan.files) == 2 and not plan.local, plan\n"
        f"assert plan.nbytes == {size}\n"
        "assert set(plan.tensors) == {'wte.weight', 'half', 'other'}\n"
        "assert 'torch' not in sys.modules\n"
    )
    env = {**os.environ, **environment(hub, tmp_path / "cache2")}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert not list((tmp_path / "cache2").glob("*/snapshots/*/*.safetensors"))
    assert not list((tmp_path / "cache2").glob("*/blobs/*safetensors*"))


def test_sizes_of_pickles_on_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_weights(STATE, folder, safe_serialization=False)
    hub.add_folder("org/old", folder)
    plan = plan_weights(open_checkpoint("org/old"))
    assert plan.nbytes == (folder / "pytorch_model.bin").stat().st_size
    assert not [path for path in hub.paths("GET") if path.endswith(".bin")]
