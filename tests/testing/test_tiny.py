"""The configurations that ``automodel-core check`` guesses."""

from __future__ import annotations

from typing import ClassVar

import pytest

from automodel_core import registry
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.fields import PositiveInt
from automodel_core.testing.tiny import tiny
from support.subjects import HEADS

MOST_WEIGHTS = 500_000
SIZES = [128, 256]


@pytest.mark.parametrize("head", HEADS)
def test_every_head_has_a_tiny_model(head: str) -> None:
    subject = HEADS[head]
    config = registry.architectures.config_class(subject.model_type)(**subject.values)
    model = registry.architectures.model_class(config, subject.task)(config)
    assert model.num_parameters() < MOST_WEIGHTS


class Part(PreTrainedConfig):
    model_type = "test-part"

    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12


class Whole(PreTrainedConfig):
    model_type = "test-whole"
    small_model: ClassVar = {"groups_of_four": 8}

    part_config: Part = Part()
    hidden_sizes: list[PositiveInt] = SIZES
    groups_of_four: PositiveInt = 512
    ignore_index: int = 255

    def validate(self) -> None:
        if self.groups_of_four % 4:
            raise self._unusable("groups_of_four", self.groups_of_four, "a multiple of 4")


def test_parts_are_guessed_and_stated_keys_are_not() -> None:
    registry.architectures.register_config("test-whole", Whole)
    assert tiny("test-whole") == {
        "part_config": {"hidden_size": 16, "num_hidden_layers": 2},
        "hidden_sizes": [16, 16],
        "groups_of_four": 8,
        "pad_token_id": 0,
    }


def test_what_does_not_fit_is_to_be_stated() -> None:
    class Unstated(Whole):
        model_type = "test-unstated"
        small_model: ClassVar = {}

    registry.architectures.register_config("test-unstated", Unstated)
    with pytest.raises(InputError, match=r"groups_of_four=2 .*Unstated\.small_model"):
        tiny("test-unstated")
