"""The Auto classes of TensorFlow and Flax: using one says which torch class to use instead.

They are made when they are asked for, so that type checkers flag them.
"""

from __future__ import annotations

from typing import Any, NoReturn

from automodel_core.errors import BackendUnavailableError
from automodel_core.registry.task_table import OTHER_BACKENDS

__all__ = ["OtherBackend"]

_FRAMEWORKS = {"TF": "TensorFlow", "Flax": "Flax"}


class OtherBackend:
    """Base of the Auto classes of frameworks that no installed plugin serves."""

    framework: str
    torch_class: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.from_pretrained()

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise BackendUnavailableError(
            f"{cls.__name__} makes {cls.framework} models, and no installed plugin does; use "
            f"{cls.torch_class}, which makes PyTorch models from the same checkpoints"
        )

    from_config = register = plan = from_pretrained


def __getattr__(name: str) -> Any:
    if name not in OTHER_BACKENDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    prefix, auto, suffix = name.partition("Auto")
    framework, torch_class = _FRAMEWORKS[prefix], auto + suffix
    made = type(
        name,
        (OtherBackend,),
        {
            "__module__": __name__,
            "__doc__": f"`{torch_class}` of {framework}.",
            "framework": framework,
            "torch_class": torch_class,
        },
    )
    return globals().setdefault(name, made)
