"""What automodel-yolos provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PROCESSING = "automodel_yolos.image_processing"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="yolos",
            plugin_api=(1, 1),
            config="automodel_yolos.configuration:YolosConfig",
            models={
                "base": "automodel_yolos.modeling:YolosModel",
                "object-detection": "automodel_yolos.modeling:YolosForObjectDetection",
            },
            image_processor=f"{_PROCESSING}:YolosImageProcessor",
            feature_extractor=f"{_PROCESSING}:YolosFeatureExtractor",
        )
    ]
