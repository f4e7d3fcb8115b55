"""What automodel-maskformer provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PROCESSING = "automodel_maskformer.image_processing"
_MODELING = "automodel_maskformer.modeling"
_MASKS = f"{_MODELING}:MaskFormerForInstanceSegmentation"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="maskformer",
            plugin_api=(1, 1),
            config="automodel_maskformer.configuration:MaskFormerConfig",
            models={
                "base": f"{_MODELING}:MaskFormerModel",
                "instance-segmentation": _MASKS,
                "universal-segmentation": _MASKS,
            },
            image_processor=f"{_PROCESSING}:MaskFormerImageProcessor",
            feature_extractor=f"{_PROCESSING}:MaskFormerFeatureExtractor",
        ),
        Architecture(
            model_type="mask2former",
            plugin_api=(1, 1),
            config="automodel_maskformer.configuration:Mask2FormerConfig",
            models={
                "base": "automodel_maskformer.mask2former:Mask2FormerModel",
                "universal-segmentation": (
                    "automodel_maskformer.mask2former:Mask2FormerForUniversalSegmentation"
                ),
            },
            image_processor=f"{_PROCESSING}:Mask2FormerImageProcessor",
        ),
        Architecture(
            model_type="maskformer-swin",
            plugin_api=(1, 0),
            config="automodel_maskformer.configuration:MaskFormerSwinConfig",
            models={
                "base": "automodel_maskformer.swin:MaskFormerSwinModel",
                "backbone": "automodel_maskformer.swin:MaskFormerSwinBackbone",
            },
        ),
    ]
