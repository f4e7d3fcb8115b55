"""How a decoding step is compiled: what ``torch.compile`` is given. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from automodel_core.errors import GenerationArgumentError, shown

__all__ = ["CompileConfig", "compile_config_of"]


@dataclass
class CompileConfig:
    """The arguments of ``torch.compile``; ``mode`` is by default the one with CUDA graphs.

    Torch takes either a ``mode`` or ``options``, and a mode only for its own backend; where the
    other is given, the default mode gives way.
    """

    fullgraph: bool = False
    dynamic: bool | None = None
    backend: str | Callable[..., Any] = "inductor"
    mode: str | None = "reduce-overhead"
    options: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return asdict(self)

    def arguments(self) -> dict[str, Any]:
        """Return what to call ``torch.compile`` with. Shapes are fixed unless asked otherwise."""
        # Torch takes things out of the options.
        options = None if self.options is None else dict(self.options)
        chosen = {**vars(self), "dynamic": bool(self.dynamic), "options": options}
        if self.options is not None or self.backend != "inductor":
            del chosen["mode"]
        return chosen


def compile_config_of(value: object) -> CompileConfig:
    """Return a setting as a `CompileConfig`; it may be the arguments by name.

    Raises `GenerationArgumentError` for anything else.
    """
    if isinstance(value, CompileConfig):
        return value
    names = [field.name for field in fields(CompileConfig)]
    if isinstance(value, Mapping) and set(value) <= set(names):
        return CompileConfig(**value)
    raise GenerationArgumentError(
        f"compile_config must be a CompileConfig, or a dict with some of {', '.join(names)}; not "
        f"{shown(value)}"
    )
