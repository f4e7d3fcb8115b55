"""What automodel-dinov2 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "image-classification": "ForImageClassification",
    "backbone": "Backbone",
}


def _member(model_type: str, family: str, module: str) -> Architecture:
    """Describe one of the two, which have the same tasks."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_dinov2.configuration:{family}Config",
        models={task: f"automodel_dinov2.{module}:{family}{head}" for task, head in _TASKS.items()},
        image_processor="automodel_core.families.dpt:BitImageProcessor",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        _member("dinov2", "Dinov2", "modeling"),
        _member("dinov2_with_registers", "Dinov2WithRegisters", "registers"),
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
