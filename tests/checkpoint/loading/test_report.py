"""Load reports: what they say of each weight."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from automodel_core.checkpoint.loading.load import load_weights
from automodel_core.checkpoint.loading.report import LoadReport, WeightRecord
from support.small_model import NAMES, TIED, checkpoint, on_meta, opened


def loaded(tmp_path: Path) -> LoadReport:
    """Load a checkpoint that fits badly."""
    state = checkpoint()
    del state["lm_head.weight"]
    state["transformer.ln.bias"] = torch.zeros(9)
    state["new.weight"] = torch.zeros(2, dtype=torch.float16)
    old = state.pop("transformer.ln.weight")
    state["transformer.ln.gamma"] = old.double()
    return load_weights(
        on_meta(),
        opened(state, tmp_path, max_shard_size=300),
        NAMES,
        base_prefix="transformer",
        tied=TIED,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
        key_mapping={"gamma$": "weight"},
    )


def test_a_record_for_each_weight(tmp_path: Path) -> None:
    report = loaded(tmp_path)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"]
    records = {weight.name: weight for weight in report.weights}
    assert len(records) == len(report.weights)
    assert records["transformer.ln.weight"] == WeightRecord(
        "transformer.ln.weight",
        ("cast",),
        file=index["transformer.ln.gamma"],
        stored_name="transformer.ln.gamma",
        stored_dtype="float64",
        dtype="float32",
        shape=(4,),
    )
    joined = records["transformer.h.0.c_attn.weight"]
    assert joined.outcome == ("split",)
    assert joined.file == index["transformer.h.0.c_attn.weight"]
    assert records["transformer.wte.weight"].outcome == ("read",)
    tied = records["lm_head.weight"]
    assert (tied.outcome, tied.stored_name) == (("tied",), "transformer.wte.weight")
    wrong = records["transformer.ln.bias"]
    assert (wrong.outcome, wrong.shape, wrong.dtype) == (("mismatched",), (9,), "")
    left = records["new.weight"]
    assert (left.outcome, left.stored_dtype, left.dtype) == (("unexpected",), "float16", "")


def test_a_report_as_table_and_as_json(tmp_path: Path) -> None:
    report = loaded(tmp_path)
    told = json.loads(report.to_json())
    assert told["unexpected"] == ["new.weight"]
    by_name = {weight["name"]: weight for weight in told["weights"]}
    assert by_name["transformer.ln.weight"]["outcome"] == ["cast"]
    lines = report.table().splitlines()
    assert lines[0].split()[:3] == ["WEIGHT", "OUTCOME", "STORED"]
    assert len(lines) == 1 + len(report.weights)
    (line,) = (line for line in lines if line.startswith("transformer.ln.weight"))
    assert line.split()[1:4] == ["cast", "float64", "float32"]
    assert line.split()[-1] == "transformer.ln.gamma"


def test_reports_of_parts(tmp_path: Path) -> None:
    report = loaded(tmp_path)
    both = report.beneath("a.") | report.beneath("b.")
    assert len(both.weights) == 2 * len(report.weights)
    assert both.mismatched[1] == ("b.transformer.ln.bias", (9,), (4,))
    last = both.weights[-1]
    assert (last.name, last.stored_name) == ("b.new.weight", "new.weight")
