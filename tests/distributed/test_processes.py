"""Several processes with one model: training, sharding and their checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from automodel_core.errors import InputError
from automodel_core.modeling import tp_plan_of
from support.processes import run_together
from support.tiny_models import tiny

WORKERS = Path(__file__).parent / "workers"
pytestmark = pytest.mark.skipif(not dist.is_gloo_available(), reason="needs gloo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("gpt2", "t5", "vit"):
        tiny(kind).save_pretrained(tmp_path / kind)
    return tmp_path


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
def test_two_processes_train_save_and_load(folder: Path) -> None:
    for kind in ("gpt2", "t5"):
        state = {"model": tiny(kind).state_dict()}
        dcp.save(state, checkpoint_id=str(folder / f"{kind}-of-one"), no_dist=True)
    run_together(WORKERS / "training.py", folder)
    for kind in ("gpt2", "t5"):
        expected = tiny(kind).state_dict()
        found = {"model": {name: torch.zeros_like(t) for name, t in expected.items()}}
        dcp.load(found, checkpoint_id=str(folder / f"{kind}-of-two"), no_dist=True)
        assert all(torch.equal(found["model"][name], t) for name, t in expected.items())


def test_two_processes_share_out_layers(folder: Path) -> None:
    run_together(WORKERS / "tensor_parallel.py", folder)


def test_the_plan_of_the_bricks() -> None:
    plan = tp_plan_of(tiny("t5"))
    assert plan["model.decoder.stack.layers.1.cross_attn.o_proj"] == "rowwise"
    assert plan["model.encoder.stack.layers.0.mlp.up_proj"] == "colwise"
    assert plan["model.encoder.position_bias.bias"] == "colwise"
    assert plan["lm_head"] == "colwise_gather_output"
    assert plan["model.embed_tokens"] == "embedding_rowwise"


def test_one_process_cannot_share() -> None:
    kind = type(tiny("gpt2"))
    state = tiny("gpt2").state_dict()
    with pytest.raises(InputError, match="start several with torchrun"):
        kind.from_pretrained(None, config=tiny("gpt2").config, state_dict=state, tp_plan="auto")
