"""What automodel-siglip provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_CONFIGURATION, _MODELING = "automodel_siglip.configuration", "automodel_siglip.modeling"
_TOKENIZER = "automodel_siglip.tokenization:SiglipTokenizer"
_IMAGES = "automodel_siglip.image_processing"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="siglip",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:SiglipConfig",
            models={
                "base": f"{_MODELING}:SiglipModel",
                "zero-shot-image-classification": f"{_MODELING}:SiglipModel",
                "image-classification": f"{_MODELING}:SiglipForImageClassification",
            },
            tokenizer=_TOKENIZER,
            image_processor=f"{_IMAGES}:SiglipImageProcessor",
            feature_extractor=f"{_IMAGES}:SiglipFeatureExtractor",
            processor="automodel_siglip.processing:SiglipProcessor",
        ),
        Architecture(
            model_type="siglip_text_model",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:SiglipTextConfig",
            models={"base": f"{_MODELING}:SiglipTextModel"},
            tokenizer=_TOKENIZER,
        ),
        Architecture(
            model_type="siglip_vision_model",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:SiglipVisionConfig",
            models={"base": f"{_MODELING}:SiglipVisionModel"},
            image_processor=f"{_IMAGES}:SiglipImageProcessor",
            feature_extractor=f"{_IMAGES}:SiglipFeatureExtractor",
        ),
    ]
