"""What automodel-swin2sr provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="swin2sr",
            plugin_api=(1, 0),
            config="automodel_swin2sr.configuration:Swin2SRConfig",
            models={
                "base": "automodel_swin2sr.modeling:Swin2SRModel",
                "image-to-image": "automodel_swin2sr.modeling:Swin2SRForImageSuperResolution",
            },
            image_processor="automodel_swin2sr.image_processing:Swin2SRImageProcessor",
        )
    ]
