"""Weights of adapters on a projection that the hub joins from three, and on its parts.

What counts is what an adapter adds to the weight: ``scale * B A``.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.names.module_paths import ModulePaths
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import InputError
from automodel_core.modeling.adapters.weights import PREFIX, to_hub, to_modules

NAMES = WeightNames(
    {"wte": "embed", "proj": "out", "cls.bias": "head.bias", "cls.dense.weight": "head.weight"},
    fused={"c_attn": ("q", "k", "v")},
    transposed=("c_attn", "proj"),
    aliases={"newer.proj": "proj"},
)
PATHS = ModulePaths(NAMES, dict.fromkeys(["embed", "q", "k", "v", "out", "head"], "weight"))
BASE = nn.ModuleDict({name: nn.Linear(4, 5) for name in "qkv"} | {"out": nn.Linear(5, 4)})
PARTS = "qkv"


def named(prefix: str = PREFIX, **weights: torch.Tensor) -> dict[str, torch.Tensor]:
    return {prefix + key.replace("__", "."): tensor for key, tensor in weights.items()}


def low_rank(outputs: int, rank: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rank, 4), torch.randn(outputs, rank)


def written(state, scales=None):
    scales = scales or {}
    return to_hub(state, PATHS, lambda path: scales.get(path, 1.0), BASE.get_submodule)


def test_an_adapter_of_the_hub_is_split():
    a, b = low_rank(15)
    found = to_modules(named(c_attn__lora_A__weight=a, c_attn__lora_B__weight=b), PATHS)
    assert len(found) == 6
    product = [
        found[f"{PREFIX}{part}.lora_B.weight"] @ found[f"{PREFIX}{part}.lora_A.weight"]
        for part in PARTS
    ]
    assert torch.equal(torch.cat(product), torch.cat([rows @ a for rows in b.chunk(3)]))
    again = written(found)
    assert torch.equal(again.weights[f"{PREFIX}c_attn.lora_A.weight"], a)
    assert torch.equal(again.weights[f"{PREFIX}c_attn.lora_B.weight"], b)
    assert (again.ranks, again.blocks) == ({"c_attn": 2}, {})


def test_parts_of_different_inputs_stand_on_a_diagonal():
    pairs = {part: low_rank(5, rank) for part, rank in (("q", 2), ("v", 3))}
    state = {}
    for part, (a, b) in pairs.items():
        state |= named(**{f"{part}__lora_A__weight": a, f"{part}__lora_B__weight": b})
    found = written(state, {"q": 2.0, "v": 1.0})
    a, b = (found.weights[f"{PREFIX}c_attn.lora_{letter}.weight"] for letter in "AB")
    assert found.ranks == {"c_attn": 5}
    assert found.blocks == {"c_attn": [2, 0, 3]}
    back = to_modules(found.weights, PATHS, found.blocks)
    assert back.keys() == state.keys()
    torch.testing.assert_close(back, {**state, f"{PREFIX}v.lora_B.weight": pairs["v"][1] / 2.0})
    q, k, v = (2.0 * b @ a).chunk(3)
    torch.testing.assert_close(q, 2.0 * pairs["q"][1] @ pairs["q"][0])
    torch.testing.assert_close(v, pairs["v"][1] @ pairs["v"][0])
    assert not k.any()


def test_a_magnitude_is_that_of_the_weight_where_there_is_no_adapter():
    a, b = low_rank(5)
    magnitude = torch.rand(5)
    state = named(q__lora_A__weight=a, q__lora_B__weight=b, q__lora_magnitude_vector=magnitude)
    found = written(state).weights[f"{PREFIX}c_attn.lora_magnitude_vector"]
    expected = [magnitude, *(BASE[part].weight.norm(dim=1) for part in "kv")]
    torch.testing.assert_close(found, torch.cat(expected))


@pytest.mark.parametrize("shape", [(5, 1), (1, 4)])
def test_factors_of_outputs_are_joined_and_those_of_inputs_shared(shape):
    factors = torch.rand(shape)
    found = written(named(**{f"{part}__ia3_l": factors for part in PARTS})).weights
    joined = found[f"{PREFIX}c_attn.ia3_l"]
    assert joined.shape == ((15, 1) if shape[1] == 1 else (1, 4))
    back = to_modules(found, PATHS)
    assert all(torch.equal(back[f"{PREFIX}{part}.ia3_l"], factors) for part in PARTS)


def test_an_own_weight_is_transposed_and_an_adapter_is_not():
    weight, (a, b) = torch.randn(4, 5), low_rank(4)
    state = named(out__weight=weight, out__lora_A__weight=a, out__lora_B__weight=b)
    found = written(state).weights
    assert torch.equal(found[f"{PREFIX}proj.weight"], weight.t())
    assert torch.equal(found[f"{PREFIX}proj.lora_A.weight"], a)
    back = to_modules(found, PATHS)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_versions_of_the_reference_find_an_adapter_under_their_names():
    a, b = low_rank(4)
    found = written(named(out__lora_A__weight=a, out__lora_B__weight=b)).weights
    assert {f"{PREFIX}{path}.lora_A.weight" for path in ("proj", "newer.proj")} <= found.keys()
    newer = {name: tensor for name, tensor in found.items() if "newer" in name}
    assert to_modules(newer, PATHS).keys() == {f"{PREFIX}out.lora_{x}.weight" for x in "AB"}


def test_a_weight_with_another_parent_on_the_hub_finds_its_module():
    bias = torch.rand(3)
    found = to_modules(named(cls__bias=bias), PATHS)
    assert found == {f"{PREFIX}head.bias": bias}


def test_own_names_are_kept_with_and_without_the_prefix():
    a = torch.rand(2, 4)
    assert to_modules(named(q__lora_A__weight=a), PATHS).keys() == {f"{PREFIX}q.lora_A.weight"}
    assert to_modules(named("", q__lora_A__weight=a), PATHS).keys() == {f"{PREFIX}q.lora_A.weight"}


def test_a_part_without_a_trained_bias_gives_its_own():
    bias = torch.rand(5)
    found = written(named(q__base_layer__bias=bias)).weights[f"{PREFIX}c_attn.base_layer.bias"]
    assert torch.equal(found, torch.cat([bias, BASE["k"].bias, BASE["v"].bias]).detach())


def test_what_has_no_place_is_refused():
    with pytest.raises(InputError, match=r"1 weights of modules that the model has not: .*other"):
        to_modules(named(other__lora_A__weight=torch.rand(2, 4)), PATHS)
    with pytest.raises(InputError, match="'hada_w1_a' on a projection that the hub joins"):
        to_modules(named(c_attn__hada_w1_a=torch.rand(15, 2)), PATHS)
    with pytest.raises(InputError, match="cannot be split into 3 equal parts"):
        to_modules(named(c_attn__lora_B__weight=torch.rand(14, 2)), PATHS)
