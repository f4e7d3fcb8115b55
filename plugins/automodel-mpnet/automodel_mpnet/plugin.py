"""What automodel-mpnet provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl
from automodel_core.families.bert import encoder_models

_MODELS = "automodel_mpnet.modeling:MPNet"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="mpnet",
            plugin_api=(1, 0),
            config="automodel_mpnet.configuration:MPNetConfig",
            models=encoder_models(_MODELS),
            tokenizer="automodel_mpnet.tokenization:MPNetTokenizer",
        )
    ]
