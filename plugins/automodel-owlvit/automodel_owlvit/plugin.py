"""What automodel-owlvit provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_PACKAGE = "automodel_owlvit"


def _architectures(model_type: str, prefix: str, older: str = "") -> list[Architecture]:
    """Return a detector and its towers; ``older`` is what its image processor was called."""
    config, models = f"{_PACKAGE}.configuration:{prefix}", f"{_PACKAGE}.modeling:{prefix}"
    images = f"{_PACKAGE}.image_processing:{prefix}"
    tokenizer = f"{_PACKAGE}.tokenization:CLIPTokenizer"
    return [
        Architecture(
            model_type=model_type,
            plugin_api=(1, 0),
            config=f"{config}Config",
            models={
                "base": f"{models}Model",
                "zero-shot-object-detection": f"{_PACKAGE}.detection:{prefix}ForObjectDetection",
            },
            tokenizer=tokenizer,
            image_processor=f"{images}ImageProcessor",
            feature_extractor=f"{images}{older}" if older else None,
            processor=f"{_PACKAGE}.processing:{prefix}Processor",
        ),
        Architecture(
            model_type=f"{model_type}_text_model",
            plugin_api=(1, 0),
            config=f"{config}TextConfig",
            models={"base": f"{models}TextModel"},
            tokenizer=tokenizer,
        ),
        Architecture(
            model_type=f"{model_type}_vision_model",
            plugin_api=(1, 0),
            config=f"{config}VisionConfig",
            models={"base": f"{models}VisionModel"},
            image_processor=f"{images}ImageProcessor",
        ),
    ]


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        *_architectures("owlvit", "OwlViT", "FeatureExtractor"),
        *_architectures("owlv2", "Owlv2"),
    ]
