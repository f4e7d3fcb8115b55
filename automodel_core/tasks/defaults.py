"""What `pipeline` knows of tasks beside their classes: usual checkpoints, and tasks to come."""

from __future__ import annotations

import functools
import json
import pkgutil
from collections.abc import Mapping

__all__ = ["NOT_SERVED_YET", "usual_checkpoints"]


@functools.cache
def usual_checkpoints() -> Mapping[str, tuple[str, str]]:
    """Return repository and revision of each task that are used if a caller names none."""
    data = pkgutil.get_data("automodel_core.tasks", "defaults.json") or b"{}"
    return {task: (name, commit) for task, (name, commit) in json.loads(data).items()}


NOT_SERVED_YET = frozenset(
    {
        "keypoint-matching",
        "zero-shot-audio-classification",
    }
)
"""Tasks that transformers has, and of which no architecture that answers them is known here."""
