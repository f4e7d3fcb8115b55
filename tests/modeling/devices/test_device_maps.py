"""Which devices a ``device_map`` of any kind means, and what it says of those it cannot mean."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.modeling.devices import device_maps
from automodel_core.modeling.devices.device_maps import Weighing, modules_by_device
from support.tiny_lm import TinyConfig, TinyForCausalLM, drawn


def loaded(device_map: Any, **options: Any) -> TinyForCausalLM:
    state = drawn().hub_state_dict()
    return TinyForCausalLM.from_pretrained(
        None, config=TinyConfig(), state_dict=state, device_map=device_map, **options
    )


def meaning(device_map: Any) -> dict[str, Any] | None:
    with torch.device("meta"):
        model = TinyForCausalLM(TinyConfig())
    weighing = Weighing(lambda: model, torch.float32, ())
    return modules_by_device(device_map, model, model.own_names(), weighing)


def test_one_place_for_all() -> None:
    assert meaning(None) is None
    for device in ("cpu", torch.device("cpu"), "disk", "meta", {"": "cpu"}):
        assert meaning(device) == (device if isinstance(device, dict) else {"": device})


def test_prefixes_of_the_hub() -> None:
    own = {"model": "cpu", "lm_head": "disk"}
    assert meaning(own) == own
    # One prefix inside of another, and names of the hub, become modules that do not overlap.
    found = meaning({"tiny.h.0": "disk", "": "cpu"})
    assert found is not None
    assert found["model.stack.layers.0"] == "disk"
    assert {name for name, device in found.items() if device == "disk"} == {"model.stack.layers.0"}
    assert "" not in found


def test_a_weight_without_a_place() -> None:
    with pytest.raises(InputError, match=r"no entry for 'lm_head\.weight'"):
        meaning({"model": "cpu"})


def test_a_prefix_of_nothing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="automodel_core"):
        assert meaning({"": "cpu", "model.dropout_of_old": "cpu"}) == {"": "cpu"}
    assert "no weight is below model.dropout_of_old" in caplog.text


@pytest.mark.parametrize("strategy", ["balanced", "balanced_low_0", "sequential"])
def test_strategies_need_accelerate(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match=r"pip install 'automodel-core\[accelerate\]'"):
        loaded(strategy)
    with pytest.raises(InputError, match=r"with cpu and disk needs accelerate"):
        loaded({"model": "disk", "lm_head": "cpu"})


def test_auto_without_accelerators_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: None)
    assert loaded("auto").hf_device_map == {"": "cpu"}
    with pytest.raises(InputError, match="needs accelerate"):
        loaded("auto", max_memory={"cpu": "1KB"})


def test_the_only_accelerator_is_taken_if_it_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: cuda)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 10**9))
    assert meaning("auto") == {"": cuda}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**2, 10**9))
    monkeypatch.setattr(device_maps, "needs_accelerate", pytest.skip)
    with pytest.raises(pytest.skip.Exception, match="auto"):
        meaning("auto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_memory": {"cpu": "1GB"}}, "max_memory= has no effect without device_map="),
        ({"offload_folder": "x"}, "offload_folder= has no effect without"),
        ({"offload_buffers": True}, "offload_buffers= has no effect without"),
        ({"device_map": "cpu", "max_memory": {"cpu": 1}}, "'cpu' is none: give one of auto, bal"),
        ({"device_map": {"": "cpu"}, "max_memory": {"cpu": 1}}, "bounds what a strategy chooses"),
    ],
)
def test_no_argument_is_swallowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(options.pop("device_map", None), **options)


def test_what_is_not_on_this_machine() -> None:
    for device in ("cuda:99", "nowhere", 99):
        with pytest.raises(InputError, match="is not a device of this machine, which has 'cpu'"):
            loaded(device)


def test_a_model_without_values() -> None:
    model = loaded("meta", dtype="bfloat16")
    assert all(p.is_meta and p.dtype == torch.bfloat16 for p in model.parameters())
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.device.type == "meta"
    with pytest.raises(InputError, match="have no values"):
        model.hub_state_dict()


def test_the_device_of_a_model_that_is_partly_on_meta() -> None:
    model = drawn()
    model.model.embed_tokens.to("meta")
    assert model.device.type == "cpu"


def test_which_modules_stay_together() -> None:
    assert drawn()._no_split_modules == ["TransformerLayer"]
