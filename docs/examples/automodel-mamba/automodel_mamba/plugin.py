"""What automodel-mamba provides."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="mamba",
            plugin_api=(1, 0),
            config="automodel_mamba.configuration:MambaConfig",
            models={
                "base": "automodel_mamba.modeling:MambaModel",
                "causal-lm": "automodel_mamba.modeling:MambaForCausalLM",
            },
        )
    ]
