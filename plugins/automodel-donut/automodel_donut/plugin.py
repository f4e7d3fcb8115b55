"""What automodel-donut provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="donut-swin",
            plugin_api=(1, 0),
            config="automodel_donut.configuration:DonutSwinConfig",
            models={
                "base": "automodel_donut.modeling:DonutSwinModel",
                "image-classification": "automodel_donut.modeling:DonutSwinForImageClassification",
            },
            tokenizer="automodel_donut.tokenization:XLMRobertaTokenizer",
            image_processor="automodel_donut.image_processing:DonutImageProcessor",
            feature_extractor="automodel_donut.image_processing:DonutFeatureExtractor",
            processor="automodel_donut.processing:DonutProcessor",
        )
    ]
