"""What automodel-clip provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_CONFIGURATION, _MODELING = "automodel_clip.configuration", "automodel_clip.modeling"
_TOKENIZER = "automodel_clip.tokenization:CLIPTokenizer"
_IMAGES = "automodel_clip.image_processing"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="clip",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:CLIPConfig",
            models={
                "base": f"{_MODELING}:CLIPModel",
                "zero-shot-image-classification": f"{_MODELING}:CLIPModel",
                "image-classification": f"{_MODELING}:CLIPForImageClassification",
            },
            tokenizer=_TOKENIZER,
            image_processor=f"{_IMAGES}:CLIPImageProcessor",
            feature_extractor=f"{_IMAGES}:CLIPFeatureExtractor",
            processor="automodel_clip.processing:CLIPProcessor",
        ),
        Architecture(
            model_type="clip_text_model",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:CLIPTextConfig",
            models={
                "base": f"{_MODELING}:CLIPTextModel",
                "text-encoding": f"{_MODELING}:CLIPTextModel",
            },
            tokenizer=_TOKENIZER,
        ),
        Architecture(
            model_type="clip_vision_model",
            plugin_api=(1, 0),
            config=f"{_CONFIGURATION}:CLIPVisionConfig",
            models={"base": f"{_MODELING}:CLIPVisionModel"},
            image_processor=f"{_IMAGES}:CLIPImageProcessor",
            feature_extractor=f"{_IMAGES}:CLIPFeatureExtractor",
        ),
    ]
