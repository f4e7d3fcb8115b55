"""What automodel-vit provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "image-classification": "ForImageClassification",
    "masked-image-modeling": "ForMaskedImageModeling",
}


def _member(model_type: str, family: str, module: str, processing: str) -> Architecture:
    """Describe one member of the family; both have the same tasks."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_vit.configuration:{family}Config",
        models={task: f"automodel_vit.{module}:{family}{head}" for task, head in _TASKS.items()},
        image_processor=f"{processing}:{family}ImageProcessor",
        feature_extractor=f"{processing}:{family}FeatureExtractor",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        _member("vit", "ViT", "modeling", "automodel_core.families.vit"),
        _member("deit", "DeiT", "distilled", "automodel_vit.image_processing"),
    ]
