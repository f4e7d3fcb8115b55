"""What automodel-vits provides; importing it imports neither torch nor the model."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODEL = "automodel_vits.modeling:VitsModel"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="vits",
            plugin_api=(1, 0),
            config="automodel_vits.configuration:VitsConfig",
            models={"base": _MODEL, "text-to-waveform": _MODEL},
            tokenizer="automodel_vits.tokenization:VitsTokenizer",
        )
    ]
