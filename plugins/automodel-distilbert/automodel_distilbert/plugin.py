"""What automodel-distilbert provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl
from automodel_core.families.bert import encoder_models

_MODELS = "automodel_distilbert.modeling:DistilBert"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="distilbert",
            plugin_api=(1, 0),
            config="automodel_distilbert.configuration:DistilBertConfig",
            models=encoder_models(_MODELS),
            tokenizer=(
                "automodel_distilbert.tokenization:DistilBertTokenizer",
                "automodel_distilbert.tokenization:BertTokenizer",
            ),
        )
    ]
