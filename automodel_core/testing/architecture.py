"""The architecture that is checked: its manifest, its classes, and tiny models of it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from automodel_core import registry
from automodel_core.errors import InputError

if TYPE_CHECKING:
    from automodel_core.configuration import PreTrainedConfig
    from automodel_core.modeling.pretrained.base import PreTrainedModel
    from automodel_core.registry.manifest import Architecture

__all__ = ["Inputs", "TestedArchitecture", "model_names"]

Inputs = dict[str, Any]


def model_names(model_type: str) -> tuple[str, ...]:
    """Return the names of an architecture's model classes, in the order of its manifest."""
    references = registry.get(model_type).models.values()
    return tuple(dict.fromkeys(reference.rpartition(":")[2] for reference in references))


@dataclass(frozen=True)
class TestedArchitecture:
    """An architecture, and the task that is checked, if it is one.

    ``inputs`` returns the arguments of ``forward``, labels among them, for a task whose inputs are
    not text; it gets the task and the configuration.
    """

    model_type: str
    values: Mapping[str, Any]
    """Configuration keys that make the model tiny."""
    task_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further keys for single tasks."""
    inputs: Callable[[str, Any], Inputs] | None = None
    task: str = ""
    reference: Path | None = None
    """A folder of another implementation's numbers, see `testing.reference`."""

    @property
    def architecture(self) -> Architecture:
        """The manifest."""
        return registry.get(self.model_type)

    @property
    def auto_class(self) -> Any:
        """The Auto class of the task."""
        import automodel_core

        return getattr(automodel_core, registry.parts.get(registry.Task, self.task).auto_class_name)

    @property
    def config_class(self) -> Any:
        """The class of the configuration."""
        return registry.architectures.config_class(self.model_type)

    @property
    def model_class(self) -> type[PreTrainedModel]:
        """The class of the model for the task."""
        reference = self.architecture.models.get(self.task)
        if reference is None:  # of an extension
            head = registry.parts.find(registry.Head, f"{self.model_type}/{self.task}")
            if head is None:
                raise InputError(f"{self.model_type} has no model for the task {self.task!r}")
            reference = head.model
        found = registry.resolve(reference)
        return cast("type[PreTrainedModel]", found)

    def name_of(self, function: Callable[..., None]) -> str:
        """Return the id of a check of this subject."""
        return f"{function.__name__}-{self.task}" if self.task else function.__name__

    def config(self, **more: Any) -> PreTrainedConfig:
        """Return a new tiny configuration."""
        values = {**self.values, **self.task_values.get(self.task, {}), **more}
        config: PreTrainedConfig = self.config_class(**copy.deepcopy(values))
        return config

    def model(self, **more: Any) -> PreTrainedModel:
        """Return a new tiny model in evaluation mode, every weight of it different from zero."""
        torch.manual_seed(0)
        model = self.model_class(self.config(**more))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.is_floating_point():
                    parameter.add_(torch.randn_like(parameter), alpha=0.05)
        return model.eval()

    @cached_property
    def skeleton(self) -> PreTrainedModel:
        """A model without memory, to be looked at and not run."""
        with torch.device("meta"):
            return self.model_class(self.config())

    @property
    def accepted(self) -> frozenset[str]:
        """The names of the arguments of the model's ``forward``."""
        return frozenset(inspect.signature(self.model_class.forward).parameters)

    def parts(self, *kinds: type[Any]) -> list[Any]:
        """Return the modules of a kind in the model."""
        return [module for module in self.skeleton.modules() if isinstance(module, kinds)]
