"""What automodel-vilt provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="vilt",
            plugin_api=(1, 0),
            config="automodel_vilt.configuration:ViltConfig",
            models={
                "base": "automodel_vilt.modeling:ViltModel",
                "visual-question-answering": "automodel_vilt.heads:ViltForQuestionAnswering",
                "masked-lm": "automodel_vilt.heads:ViltForMaskedLM",
                "token-classification": "automodel_vilt.heads:ViltForTokenClassification",
            },
            tokenizer="automodel_vilt.tokenization:BertTokenizer",
            image_processor="automodel_vilt.image_processing:ViltImageProcessor",
            feature_extractor="automodel_vilt.image_processing:ViltFeatureExtractor",
            processor="automodel_vilt.processing:ViltProcessor",
        )
    ]
