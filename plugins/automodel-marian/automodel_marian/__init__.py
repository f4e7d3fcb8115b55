"""Marian for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_marian.configuration import MarianConfig as MarianConfig
    from automodel_marian.modeling import (
        MarianForCausalLM as MarianForCausalLM,
        MarianModel as MarianModel,
        MarianMTModel as MarianMTModel,
        MarianPreTrainedModel as MarianPreTrainedModel,
    )
    from automodel_marian.tokenization import MarianTokenizer as MarianTokenizer

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("MarianConfig",),
        "modeling": (
            "MarianForCausalLM",
            "MarianMTModel",
            "MarianModel",
            "MarianPreTrainedModel",
        ),
        "tokenization": ("MarianTokenizer",),
    },
)
