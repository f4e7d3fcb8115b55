"""A model is built as far as its checkpoint lets expect; numbers that ask for more are named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import repeated
from automodel_core.modeling.building import broadcast, build_on_meta


class Config(PreTrainedConfig):
    layers: int = 2
    width: int = 4
    table: int = 4


class Model(nn.Module):
    def __init__(self, config: Any, extra: str = "") -> None:
        super().__init__()
        if extra:
            raise InputError(extra)
        self.layers = nn.ModuleList(
            nn.Linear(config.width, config.width) for _ in range(config.layers)
        )
        self.embed = nn.Embedding(8, 4, padding_idx=config.pad_token_id)
        steps = torch.arange(config.table, dtype=torch.float32, device="cpu")
        self.register_buffer("table", steps[:, None] * steps)


WEIGHTS = {f"{index}.weight": torch.zeros(4, 4) for index in range(4)}


def test_it_is_on_the_meta_device_but_for_what_is_computed() -> None:
    model = build_on_meta(Model, Config(), WEIGHTS)
    assert all(parameter.is_meta for parameter in model.parameters())
    assert model.table.tolist()[3] == [0.0, 3.0, 6.0, 9.0]


class Repeating(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(repeated(lambda: nn.Linear(4, 4), config.layers))


@pytest.mark.parametrize("layers", [10**9, 10**30])
def test_copied_layers_count(layers: int) -> None:
    with pytest.raises(ConfigurationError, match=f"many times the weights.*layers={layers}"):
        build_on_meta(Repeating, Config(layers=layers), WEIGHTS)
    most = (4_000 + 8 * len(WEIGHTS)) // 2  # of a weight and a bias
    assert len(build_on_meta(Repeating, Config(layers=most - 8), WEIGHTS).layers) == most - 8
    with pytest.raises(ConfigurationError, match="many times the weights"):
        build_on_meta(Repeating, Config(layers=most + 1), WEIGHTS)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"layers": 10**9}, "many times the weights"),
        ({"width": 2**65}, "a size cannot be used"),
        ({"width": -1}, "a size cannot be used"),
        ({"width": 2**40}, "a size cannot be used"),
        ({"table": 10**9}, "a table of"),
        ({"table": 10**5}, "a table of"),
        ({"pad_token_id": 9}, "AssertionError: Padding_idx must be within"),
    ],
)
def test_absurd_numbers_are_named(keys: dict[str, int], reason: str) -> None:
    ((key, value),) = keys.items()
    with pytest.raises(ConfigurationError, match=reason) as caught:
        build_on_meta(Model, Config(**keys, _name_or_path="the/place"), WEIGHTS)
    assert "config.json of 'the/place'" in str(caught.value)
    assert f"{key}={value}" in str(caught.value)


def test_errors_of_arguments_and_of_code_stay() -> None:
    with pytest.raises(InputError, match="no"):
        build_on_meta(Model, Config(), WEIGHTS, ["no"])
    with pytest.raises(TypeError, match="unexpected keyword"):
        build_on_meta(Model, Config(), WEIGHTS, options={"wrong": 1})


@pytest.mark.parametrize("left", [(), (1,), (3,), (2, 3), (2, 1), (4, 1, 3), (0,)])
@pytest.mark.parametrize("right", [(), (3,), (2, 3), (5,), (0,)])
def test_shapes_are_combined_as_torch_does(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    try:
        expected = list(torch.broadcast_shapes(left, right))
    except RuntimeError:
        expected = []
    assert list(broadcast([left, right])) == expected
