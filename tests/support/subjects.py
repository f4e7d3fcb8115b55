"""A tiny model and its inputs for every head of every plugin of this repository."""

from __future__ import annotations

from dataclasses import replace

from automodel_core import registry
from automodel_core.testing.case import Subject
from automodel_core.testing.tiny import decoder_tasks, tiny

__all__ = ["HEADS", "heads"]


def heads() -> dict[str, Subject]:
    """Return a subject for each model class of the installed architectures, by its name."""
    found: dict[str, Subject] = {}
    for record in registry.plugins.records():
        for model_type in record.names if record.is_architecture else ():
            architecture = registry.get(model_type)
            subject = Subject(model_type, tiny(model_type), decoder_tasks(model_type) or {})
            for task, reference in architecture.models.items():
                found.setdefault(reference.rpartition(":")[2], replace(subject, task=task))
    return found


HEADS = heads()
