"""What automodel-trocr provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="trocr",
            plugin_api=(1, 0),
            config="automodel_trocr.configuration:TrOCRConfig",
            models={"causal-lm": "automodel_trocr.modeling:TrOCRForCausalLM"},
            tokenizer=(
                "automodel_trocr.tokenization:RobertaTokenizer",
                "automodel_trocr.tokenization:XLMRobertaTokenizer",
            ),
            processor="automodel_trocr.processing:TrOCRProcessor",
        )
    ]
