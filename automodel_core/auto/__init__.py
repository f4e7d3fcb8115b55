"""The Auto classes: from a checkpoint's name to the right config, tokenizer, processor or model.

Nothing here imports torch before a model is asked for. The Auto class of a task that a plugin
adds, or of another framework, is made when it is first asked for by name.
"""

from __future__ import annotations

from typing import Any

from automodel_core.exports import lazy_exports
from automodel_core.registry.task_table import OTHER_BACKENDS

__all__, _attribute, __dir__ = lazy_exports(__name__)


def __getattr__(name: str) -> Any:
    if name in OTHER_BACKENDS:
        from automodel_core.auto import other_backends

        return getattr(other_backends, name)
    if name.startswith("Auto") and name not in __all__:
        from automodel_core.auto.task_classes import class_of_task

        found = class_of_task(name)
        if found is not None:
            return found
    return _attribute(name)
