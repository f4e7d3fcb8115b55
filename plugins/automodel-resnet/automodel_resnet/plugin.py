"""What automodel-resnet provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_HEADS = {"base": "Model", "image-classification": "ForImageClassification", "backbone": "Backbone"}


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="resnet",
            plugin_api=(1, 1),
            config="automodel_resnet.configuration:ResNetConfig",
            models={task: f"automodel_resnet.modeling:ResNet{end}" for task, end in _HEADS.items()},
            image_processor="automodel_resnet.image_processing:ConvNextImageProcessor",
            feature_extractor="automodel_resnet.image_processing:ConvNextFeatureExtractor",
        )
    ]
