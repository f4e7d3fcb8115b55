"""Two processes train models together as one process would, and save and load them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from automodel_core import AutoConfig, AutoModelForSequenceClassification
from automodel_core.layers import TransformerLayer
from support.processes import join
from support.tiny_models import IDS, inputs, tiny

STEPS = 2


def trained(model: Any, batch: dict[str, torch.Tensor]) -> Any:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    for _ in range(STEPS):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def sharded(model: Any, mesh: Any) -> Any:
    for module in model.modules():
        if isinstance(module, TransformerLayer):
            fully_shard(module, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def whole(model: Any) -> dict[str, torch.Tensor]:
    return {
        name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        for name, tensor in model.state_dict().items()
    }


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)


def main(folder: Path) -> None:
    kinds = ("gpt2", "t5")
    before = {kind: type(tiny(kind)).from_pretrained(folder / kind) for kind in kinds}
    rank = join(folder)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    mine = slice(rank, rank + 1)

    # Data parallel: every weight of a pair that is not frozen gets a gradient.
    for kind in ("pair", "gpt2"):
        alone, together = trained(tiny(kind), inputs(kind)), DistributedDataParallel(tiny(kind))
        assert_same(trained(together, inputs(kind, mine)).module.state_dict(), alone.state_dict())

    for kind in kinds:
        alone = trained(tiny(kind), inputs(kind)).eval()
        tokens = alone.generate(IDS[:1], max_new_tokens=4)

        # Weights that were loaded before there was a process group, perhaps transposed.
        model = trained(sharded(before[kind], mesh), inputs(kind, mine)).eval()
        assert_same(whole(model), alone.state_dict())
        assert torch.equal(model.generate(IDS[:1], max_new_tokens=4), tokens)

        # All processes save one checkpoint with the hub's names; the first one writes it.
        model.save_pretrained(folder / f"{kind}-trained", is_main_process=rank == 0)
        state = model.hub_state_dict()
        model.save_pretrained(folder / f"{kind}-given", state_dict=get_model_state_dict(model))
        for name in ("trained", "given"):
            again = type(tiny(kind)).from_pretrained(folder / f"{kind}-{name}")
            assert again.config.architectures == [type(again).__name__]
            assert_same(again.hub_state_dict(), state)

        # Each process reads its own shards into a model without memory, and generates at once.
        shell = type(tiny(kind)).from_pretrained(folder / f"{kind}-trained", device_map="meta")
        sharded(shell, mesh)
        assert shell.load_checkpoint(folder / f"{kind}-trained").complete
        local = sum(parameter.to_local().numel() for parameter in shell.parameters())
        assert local < 0.6 * alone.num_parameters()
        assert torch.equal(shell.generate(IDS[:1], max_new_tokens=4), tokens)
        assert_same(whole(shell), alone.state_dict())

        # Torch's own checkpoints: what one process saved, and what one will read.
        one = sharded(tiny(kind), mesh)
        for parameter in one.parameters():
            parameter.detach().zero_()
        values = {"model": get_model_state_dict(one)}
        dcp.load(values, checkpoint_id=str(folder / f"{kind}-of-one"))
        set_model_state_dict(one, values["model"])
        assert_same(whole(one), whole(tiny(kind)))
        dcp.save({"model": get_model_state_dict(one)}, checkpoint_id=str(folder / f"{kind}-of-two"))

    # A new head is the same in all processes, whatever their random numbers.
    torch.manual_seed(rank)
    config = AutoConfig.from_pretrained(folder / "gpt2", num_labels=5)
    with torch.device("meta"):
        head = AutoModelForSequenceClassification.from_config(config)
    report = sharded(head, mesh).load_checkpoint(folder / "gpt2")
    weight = head.classifier.weight.full_tensor()
    assert len(report.initialised) == 1
    assert weight.std() > 0.01
    gathered = [torch.empty_like(weight) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, weight)
    assert torch.equal(gathered[0], gathered[1])
    assert_same(whole(head.base_model), whole(tiny("gpt2").base_model))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
