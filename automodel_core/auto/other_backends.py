"""The Auto classes of TensorFlow and Flax: using one says which torch class to use instead.

They are made when they are asked for, so that type checkers flag them.
"""

from __future__ import annotations

from typing import Any, NoReturn

from automodel_core.errors import BackendUnavailableError
from automodel_core.registry.task_table import OTHER_BACKENDS

__all__ = ["OtherBackend"]

_FRAMEWORKS = {
    "TF": ("TensorFlow", "from_tf", "automodel-tensorflow"),
    "Flax": ("Flax", "from_flax", "automodel-flax"),
}
"""The framework of each prefix, the argument that reads its files, and who does."""


class OtherBackend:
    """Base of the Auto classes of frameworks that no installed plugin serves."""

    framework: str
    torch_class: str
    flag: str
    distribution: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.from_pretrained()

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `BackendUnavailableError`."""
        raise BackendUnavailableError(
            f"{cls.__name__} makes {cls.framework} models, and no installed plugin does; "
            f"{cls.torch_class} makes PyTorch models from the same checkpoints: "
            f"{cls.torch_class}.from_pretrained(name, {cls.flag}=True), with {cls.distribution} "
            "installed"
        )

    from_config = register = plan = from_pretrained


def __getattr__(name: str) -> Any:
    if name not in OTHER_BACKENDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    prefix, auto, suffix = name.partition("Auto")
    framework, flag, distribution = _FRAMEWORKS[prefix]
    torch_class = auto + suffix
    made = type(
        name,
        (OtherBackend,),
        {
            "__module__": __name__,
            "__doc__": f"`{torch_class}` of {framework}.",
            "framework": framework,
            "torch_class": torch_class,
            "flag": flag,
            "distribution": distribution,
        },
    )
    return globals().setdefault(name, made)
