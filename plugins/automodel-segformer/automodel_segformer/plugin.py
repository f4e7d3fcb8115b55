"""What automodel-segformer provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PROCESSING = "automodel_segformer.image_processing"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="segformer",
            plugin_api=(1, 0),
            config="automodel_segformer.configuration:SegformerConfig",
            models={
                "base": "automodel_segformer.modeling:SegformerModel",
                "image-classification": (
                    "automodel_segformer.modeling:SegformerForImageClassification"
                ),
                "semantic-segmentation": (
                    "automodel_segformer.modeling:SegformerForSemanticSegmentation"
                ),
            },
            image_processor=f"{_PROCESSING}:SegformerImageProcessor",
            feature_extractor=f"{_PROCESSING}:SegformerFeatureExtractor",
        ),
        Architecture(
            model_type="glpn",
            plugin_api=(1, 0),
            config="automodel_segformer.configuration:GLPNConfig",
            models={
                "base": "automodel_segformer.depth:GLPNModel",
                "depth-estimation": "automodel_segformer.depth:GLPNForDepthEstimation",
            },
            image_processor=f"{_PROCESSING}:GLPNImageProcessor",
            feature_extractor=f"{_PROCESSING}:GLPNFeatureExtractor",
        ),
    ]
