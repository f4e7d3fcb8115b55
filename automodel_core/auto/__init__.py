"""The Auto classes: from a checkpoint's name to the right config, tokenizer, processor or model.

Nothing here imports torch before a model is asked for. The Auto class of a task that a plugin
adds is made when it is first asked for by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automodel_core.exports import lazy_exports
from automodel_core.registry.task_table import OTHER_BACKENDS, TASK_TABLE

if TYPE_CHECKING:
    from automodel_core.auto.config import AutoConfig as AutoConfig
    from automodel_core.auto.model_base import AutoModelBase as AutoModelBase
    from automodel_core.auto.models import *  # noqa: F403
    from automodel_core.auto.other_backends import *  # noqa: F403
    from automodel_core.auto.plan import ModelPlan as ModelPlan
    from automodel_core.auto.processors import (
        AutoFeatureExtractor as AutoFeatureExtractor,
        AutoImageProcessor as AutoImageProcessor,
        AutoProcessor as AutoProcessor,
    )
    from automodel_core.auto.tokenizer import AutoTokenizer as AutoTokenizer

__all__, _attribute, __dir__ = lazy_exports(
    __name__,
    {
        "config": ("AutoConfig",),
        "model_base": ("AutoModelBase",),
        "models": tuple(auto_class for _, auto_class, _ in TASK_TABLE),
        "other_backends": OTHER_BACKENDS,
        "plan": ("ModelPlan",),
        "processors": ("AutoFeatureExtractor", "AutoImageProcessor", "AutoProcessor"),
        "tokenizer": ("AutoTokenizer",),
    },
)


def __getattr__(name: str) -> Any:
    if name.startswith("Auto") and name not in __all__:
        from automodel_core.auto.task_classes import class_of_task

        found = class_of_task(name)
        if found is not None:
            return found
    return _attribute(name)
