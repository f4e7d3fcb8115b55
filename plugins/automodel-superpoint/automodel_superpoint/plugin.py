"""What automodel-superpoint provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODEL = "automodel_superpoint.modeling:SuperPointForKeypointDetection"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="superpoint",
            plugin_api=(1, 0),
            config="automodel_superpoint.configuration:SuperPointConfig",
            models={"base": _MODEL, "keypoint-detection": _MODEL},
            image_processor="automodel_superpoint.image_processing:SuperPointImageProcessor",
        )
    ]
