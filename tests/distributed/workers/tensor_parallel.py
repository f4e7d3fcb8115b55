"""Two processes share out the layers of models, and compute what one process would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from automodel_core import AutoModelForSequenceClassification
from automodel_core.errors import InputError
from automodel_core.modeling import parallelize
from support.processes import join
from support.tiny_models import IDS, inputs, tiny


def main(folder: Path) -> None:
    rank = join(folder)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for kind in ("gpt2", "t5", "vit"):
        expected = type(tiny(kind)).from_pretrained(folder / kind)
        model = type(expected).from_pretrained(folder / kind, tp_plan="auto", device_mesh=mesh)
        with torch.no_grad():
            found, wanted = model(**inputs(kind)), expected(**inputs(kind))
        torch.testing.assert_close(found.logits, wanted.logits)
        held = [p.to_local() if isinstance(p, DTensor) else p for p in model.parameters()]
        assert sum(tensor.numel() for tensor in held) < 0.75 * expected.num_parameters()
        if kind != "vit":
            # The vocabulary is shared out, too, and output and input embeddings stay one weight.
            assert model.lm_head.weight is model.get_input_embeddings().weight
            for settings in ({}, {"num_beams": 2}, {"cache_implementation": "static"}):
                tokens = model.generate(IDS, max_new_tokens=5, **settings)
                assert torch.equal(tokens, expected.generate(IDS, max_new_tokens=5, **settings))
        model.save_pretrained(folder / f"{kind}-shared")
        again = type(expected).from_pretrained(folder / f"{kind}-shared").state_dict()
        assert all(torch.equal(again[name], t) for name, t in expected.state_dict().items())

        # A step of training moves the shards as it moves the whole.
        for each in (model.train(), expected.train()):
            each(**inputs(kind)).loss.backward()
            torch.optim.SGD(each.parameters(), lr=0.1).step()
        for name, tensor in expected.state_dict().items():
            value = model.state_dict()[name]
            value = value.full_tensor() if isinstance(value, DTensor) else value
            torch.testing.assert_close(value, tensor, msg=name)

    # A new head is the same in all processes, whatever their random numbers.
    torch.manual_seed(rank)
    head = AutoModelForSequenceClassification.from_pretrained(folder / "gpt2", tp_size=2)
    weights = [torch.empty_like(head.classifier.weight) for _ in range(2)]
    dist.all_gather(weights, head.classifier.weight.detach())
    assert torch.equal(*weights)

    # A plan of the caller's own, on a model that is there.
    model, expected = tiny("gpt2").eval(), tiny("gpt2").eval()
    parallelize(model, mesh, {"model.stack.layers.*.mlp.up_proj": "replicate",
                              "model.stack.layers.*.mlp.down_proj": "replicate"})  # fmt: skip
    assert not isinstance(model.model.stack.layers[0].mlp.up_proj.weight, DTensor)
    torch.testing.assert_close(model(IDS).logits, expected(IDS).logits)
    for plan, message in (
        ({"model.stack.layers.*.mlp.up": "colwise"}, "no module is called .*did you mean"),
        ({"lm_head": "diagonal"}, "'diagonal' is no style"),
        ("fast", "give 'auto'"),
    ):
        with pytest.raises(InputError, match=message):
            parallelize(tiny("gpt2"), mesh, plan)
    with pytest.raises(InputError, match="tp_size=3, and there are 2 processes"):
        type(model).from_pretrained(folder / "gpt2", tp_plan="auto", tp_size=3)
    with pytest.raises(InputError, match="goes neither with device_map"):
        type(model).from_pretrained(folder / "gpt2", tp_plan="auto", device_map="cpu")
    odd = type(model)(
        model.config.__class__(**{**model.config.to_dict(), "n_embd": 15, "n_head": 3})
    )
    with pytest.raises(InputError, match=r"3 attention heads.*cannot be shared out to 2"):
        parallelize(odd, mesh)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
