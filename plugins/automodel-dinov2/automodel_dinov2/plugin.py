"""What automodel-dinov2 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="dinov2",
            plugin_api=(1, 0),
            config="automodel_dinov2.configuration:Dinov2Config",
            models={
                "base": "automodel_dinov2.modeling:Dinov2Model",
                "image-classification": "automodel_dinov2.modeling:Dinov2ForImageClassification",
                "backbone": "automodel_dinov2.modeling:Dinov2Backbone",
            },
            image_processor="automodel_core.families.dpt:BitImageProcessor",
        ),
        Architecture(
            model_type="depth_anything",
            plugin_api=(1, 0),
            config="automodel_dinov2.configuration:DepthAnythingConfig",
            models={
                "depth-estimation": (
                    "automodel_dinov2.depth_anything:DepthAnythingForDepthEstimation"
                ),
            },
            image_processor="automodel_core.families.dpt:DPTImageProcessor",
            feature_extractor="automodel_core.families.dpt:DPTFeatureExtractor",
        ),
    ]
