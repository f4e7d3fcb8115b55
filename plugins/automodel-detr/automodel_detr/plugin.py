"""What automodel-detr provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PROCESSING = "automodel_detr.image_processing"
_MODELING = "automodel_detr.modeling"
_MASKS = "automodel_detr.segmentation:DetrForSegmentation"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="detr",
            plugin_api=(1, 1),
            config="automodel_detr.configuration:DetrConfig",
            models={
                "base": f"{_MODELING}:DetrModel",
                "object-detection": f"{_MODELING}:DetrForObjectDetection",
                "image-segmentation": _MASKS,
                "universal-segmentation": _MASKS,
            },
            image_processor=f"{_PROCESSING}:DetrImageProcessor",
            feature_extractor=f"{_PROCESSING}:DetrFeatureExtractor",
        ),
        Architecture(
            model_type="table-transformer",
            plugin_api=(1, 1),
            config="automodel_detr.configuration:TableTransformerConfig",
            models={
                "base": f"{_MODELING}:TableTransformerModel",
                "object-detection": f"{_MODELING}:TableTransformerForObjectDetection",
            },
            image_processor=f"{_PROCESSING}:DetrImageProcessor",
            feature_extractor=f"{_PROCESSING}:DetrFeatureExtractor",
        ),
    ]
