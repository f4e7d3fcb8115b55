"""What automodel-dpt provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="dpt",
            plugin_api=(1, 0),
            config="automodel_dpt.configuration:DPTConfig",
            models={
                "base": "automodel_dpt.modeling:DPTModel",
                "depth-estimation": "automodel_dpt.modeling:DPTForDepthEstimation",
                "semantic-segmentation": "automodel_dpt.modeling:DPTForSemanticSegmentation",
            },
            image_processor="automodel_core.families.dpt:DPTImageProcessor",
            feature_extractor="automodel_core.families.dpt:DPTFeatureExtractor",
        ),
        Architecture(
            model_type="bit",
            plugin_api=(1, 0),
            config="automodel_dpt.configuration:BitConfig",
            models={
                "base": "automodel_dpt.bit:BitModel",
                "image-classification": "automodel_dpt.bit:BitForImageClassification",
                "backbone": "automodel_dpt.bit:BitBackbone",
            },
            image_processor="automodel_core.families.dpt:BitImageProcessor",
        ),
    ]
