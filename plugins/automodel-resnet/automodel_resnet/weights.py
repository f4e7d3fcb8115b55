"""The hub's names of ResNet's weights, and the modules that hold them."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

BODY_NAMES = {
    "embedder.embedder": "stem.conv",
    "encoder.stages.*.layers.*.layer.*": "stages.*.layers.*.convs.*",
    "encoder.stages.*.layers.*.shortcut": "stages.*.layers.*.shortcut",
}


@functools.cache
def resnet_names(body: str) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path."""
    names = WeightNames(BODY_NAMES)
    if not body:
        return names
    return names.nested(hub="resnet", module=body) | WeightNames({"classifier.1": "classifier"})
