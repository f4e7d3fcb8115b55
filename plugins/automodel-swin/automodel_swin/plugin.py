"""What automodel-swin provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "image-classification": "ForImageClassification",
    "masked-image-modeling": "ForMaskedImageModeling",
    "backbone": "Backbone",
}


def _version(model_type: str, family: str, module: str) -> Architecture:
    """Describe one of the two versions, which have the same tasks."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_swin.configuration:{family}Config",
        models={task: f"automodel_swin.{module}:{family}{head}" for task, head in _TASKS.items()},
        image_processor="automodel_core.families.vit:ViTImageProcessor",
        feature_extractor="automodel_core.families.vit:ViTFeatureExtractor",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [_version("swin", "Swin", "modeling"), _version("swinv2", "Swinv2", "swinv2")]
