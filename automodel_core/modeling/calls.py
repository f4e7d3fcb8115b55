"""The convention of every ``forward``: the configuration's defaults, and outputs as tuples."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import (
    TYPE_CHECKING,
    Any,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    cast,
    get_args,
    get_type_hints,
    is_typeddict,
)

from torch import nn

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.tracing import in_jit_trace
from automodel_core.other_names import FORWARD_ARGUMENTS

__all__ = ["CallableModule", "ForwardOptions", "model_call", "wanted_states"]

P = ParamSpec("P")
Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)


class HasForward(Protocol[P, Out_co]):
    """Anything with a ``forward``."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> Out_co: ...


class CallableModule(nn.Module):
    """A module whose call has, for type checkers and editors, the signature of its ``forward``."""

    if TYPE_CHECKING:

        @property
        def __call__(self: HasForward[P, Out]) -> Callable[P, Out]: ...  # type: ignore[override]


class ForwardOptions(TypedDict, total=False):
    """What every ``forward`` takes beside its inputs; ``None`` means the configuration's value."""

    output_attentions: bool | None
    output_hidden_states: bool | None
    return_dict: bool | None


def model_call(forward: Callable[P, Out]) -> Callable[P, Out]:
    """Let a ``forward`` follow the `ForwardOptions`, which it takes as ``**options``.

    They reach it as booleans, and ``return_dict`` as true, so that it may pass them on to the
    models that it is made of. A cache of another library reaches it as one of ours. With
    ``return_dict=False`` the caller gets a tuple without what is ``None``, and so does
    ``torch.jit.trace``, which knows no other output. ``**options: Unpack[...]`` of a ``TypedDict``
    are those options and no others.
    """
    signature, is_closed = _signature(forward)
    accepted = frozenset(signature.parameters)
    compute: Callable[..., Any] = forward

    @functools.wraps(forward)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        if is_closed and not accepted.issuperset(options):
            unknown = sorted(options.keys() - accepted)
            advice = f" ({reason})" if (reason := FORWARD_ARGUMENTS.get(unknown[0])) else ""
            raise TypeError(
                f"{type(self).__name__} takes no {', '.join(unknown)}{advice}; its arguments are "
                f"{', '.join(list(signature.parameters)[1:])}"
            )
        past = options.get("past_key_values")
        if past is not None and not isinstance(past, Cache):
            options["past_key_values"] = Cache.of(past)
        config = self.config
        if options.get("output_attentions") is None:
            options["output_attentions"] = config.output_attentions
        if options.get("output_hidden_states") is None:
            options["output_hidden_states"] = config.output_hidden_states
        return_dict = options.get("return_dict")
        options["return_dict"] = True
        output = compute(self, *args, **options)
        if return_dict is None:
            return_dict = config.use_return_dict and not in_jit_trace()
        return output if return_dict else output.to_tuple()

    call.__signature__ = signature  # type: ignore[attr-defined]
    return cast("Callable[P, Out]", call)


def wanted_states(options: ForwardOptions) -> dict[str, bool]:
    """Return the options that say what a stack of layers returns, as its arguments."""
    return {
        "output_attentions": bool(options.get("output_attentions")),
        "output_hidden_states": bool(options.get("output_hidden_states")),
    }


def _signature(forward: Callable[..., Any]) -> tuple[inspect.Signature, bool]:
    """Return a signature that names the options one by one, and whether these are all."""
    signature = inspect.signature(forward)
    parameters = list(signature.parameters.values())
    rest = parameters[-1]
    if rest.kind is not rest.VAR_KEYWORD:
        return signature, True
    typed = _typed_options(rest.annotation, forward)
    options = _hints(typed or ForwardOptions)
    parameters[-1:] = [
        inspect.Parameter(name, rest.KEYWORD_ONLY, default=None, annotation=hint)
        for name, hint in options.items()
    ]
    if typed is None:
        parameters.append(rest)
    return signature.replace(parameters=parameters), typed is not None


_hints = functools.cache(get_type_hints)


def _typed_options(annotation: Any, forward: Callable[..., Any]) -> Any:
    """Return the ``TypedDict`` of ``Unpack[TypedDict]``, or ``None`` for another annotation."""
    if isinstance(annotation, str) and annotation.startswith("Unpack["):
        # Evaluated alone: other annotations may name what only type checkers import.
        name = annotation.removeprefix("Unpack[").removesuffix("]")
        holder = SimpleNamespace(__annotations__={"options": name})
        found = get_type_hints(holder, forward.__globals__)["options"]
    else:
        found = next(iter(get_args(annotation)), None)
    return found if is_typeddict(found) else None
