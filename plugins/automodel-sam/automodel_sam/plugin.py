"""What automodel-sam provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_CONFIGURATION, _MODELING = "automodel_sam.configuration", "automodel_sam.modeling"
_IMAGES = "automodel_sam.image_processing:SamImageProcessor"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="sam",
            plugin_api=(1, 1),
            config=f"{_CONFIGURATION}:SamConfig",
            models={
                "base": f"{_MODELING}:SamModel",
                "mask-generation": f"{_MODELING}:SamModel",
            },
            image_processor=_IMAGES,
            processor="automodel_sam.processing:SamProcessor",
        ),
        Architecture(
            model_type="sam_vision_model",
            plugin_api=(1, 1),
            config=f"{_CONFIGURATION}:SamVisionConfig",
            models={"base": f"{_MODELING}:SamVisionModel"},
            image_processor=_IMAGES,
        ),
    ]
