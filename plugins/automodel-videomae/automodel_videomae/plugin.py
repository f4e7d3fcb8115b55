"""What automodel-videomae provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="videomae",
            plugin_api=(1, 0),
            config="automodel_videomae.configuration:VideoMAEConfig",
            models={
                "base": "automodel_videomae.modeling:VideoMAEModel",
                "pretraining": "automodel_videomae.pretraining:VideoMAEForPreTraining",
                "video-classification": (
                    "automodel_videomae.modeling:VideoMAEForVideoClassification"
                ),
            },
            image_processor="automodel_videomae.image_processing:VideoMAEImageProcessor",
            video_processor="automodel_videomae.image_processing:VideoMAEVideoProcessor",
            feature_extractor="automodel_videomae.image_processing:VideoMAEFeatureExtractor",
        )
    ]
