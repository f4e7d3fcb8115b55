"""The convention of every ``forward``: the configuration's defaults, and outputs as tuples."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from automodel_core.modeling.outputs import ModelOutput

__all__ = ["model_call"]


def model_call(forward: Callable[..., ModelOutput]) -> Callable[..., Any]:
    """Let a ``forward`` take ``output_attentions``, ``output_hidden_states`` and ``return_dict``.

    The first two reach the function as booleans, taken from the model's configuration where the
    caller gave none. With ``return_dict=False`` the caller gets a tuple without what is ``None``.
    """

    @functools.wraps(forward)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        config = self.config
        if kwargs.get("output_attentions") is None:
            kwargs["output_attentions"] = config.output_attentions
        if kwargs.get("output_hidden_states") is None:
            kwargs["output_hidden_states"] = config.output_hidden_states
        return_dict = kwargs.pop("return_dict", None)
        output = forward(self, *args, **kwargs)
        as_output = config.return_dict if return_dict is None else return_dict
        return output if as_output else output.to_tuple()

    return call
