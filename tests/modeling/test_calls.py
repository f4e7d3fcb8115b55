"""What every ``forward`` takes beside its inputs, and how its signature says so."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from automodel_core.configuration import PreTrainedConfig
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.outputs.base import BaseModelOutput

if TYPE_CHECKING:
    from typing_extensions import Unpack

NAMES = ["output_attentions", "output_hidden_states", "return_dict"]


class Called:
    """A model that returns the options which it gets."""

    def __init__(self, **settings: Any) -> None:
        self.config = PreTrainedConfig(**settings)

    @model_call
    def forward(self, inputs: Any = None, **options: Unpack[ForwardOptions]) -> BaseModelOutput:
        return BaseModelOutput(inputs, hidden_states=options)

    @model_call
    def open(self, inputs: Any = None, **options: Any) -> BaseModelOutput:
        return BaseModelOutput(inputs, hidden_states=options)


def test_the_signature_names_each_option() -> None:
    parameters = inspect.signature(Called.forward).parameters
    assert list(parameters) == ["self", "inputs", *NAMES]
    assert {parameters[name].default for name in NAMES} == {None}
    assert list(inspect.signature(Called().open).parameters) == ["inputs", *NAMES, "options"]


@pytest.mark.parametrize("asked", [None, True, False])
@pytest.mark.parametrize("configured", [True, False])
def test_the_call_decides_and_then_the_configuration(asked: Any, configured: bool) -> None:
    model = Called(output_attentions=configured)
    expected = configured if asked is None else asked
    options = model.forward(1, output_attentions=asked).hidden_states
    assert options == {
        "output_attentions": expected, "output_hidden_states": False, "return_dict": True,
    }  # fmt: skip


def test_a_caller_gets_a_tuple_and_parts_give_outputs() -> None:
    model = Called(return_dict=False)
    value, options = model.forward(1)
    assert (value, options["return_dict"]) == (1, True)
    assert isinstance(model.forward(1, return_dict=True), BaseModelOutput)
    assert isinstance(Called().forward(1, return_dict=False), tuple)


def test_torchscript_asks_for_tuples() -> None:
    assert isinstance(Called(torchscript=True).forward(1), tuple)
    assert isinstance(Called(torchscript=True).forward(1, return_dict=True), BaseModelOutput)


def test_the_signature_binds_what_a_caller_gives() -> None:
    bound = inspect.signature(Called().forward).bind(1, output_attentions=True)
    assert bound.arguments == {"inputs": 1, "output_attentions": True}


def test_unknown_arguments_are_refused_unless_any_are_taken() -> None:
    with pytest.raises(TypeError, match="Called takes no input_idz; its arguments are inputs, "):
        Called().forward(input_idz=1)
    assert Called().open(input_idz=1).hidden_states["input_idz"] == 1
