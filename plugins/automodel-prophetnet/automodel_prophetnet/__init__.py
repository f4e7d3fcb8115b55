"""ProphetNet for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_prophetnet.base import ProphetNetPreTrainedModel as ProphetNetPreTrainedModel
    from automodel_prophetnet.configuration import ProphetNetConfig as ProphetNetConfig
    from automodel_prophetnet.decoder import ProphetNetDecoder as ProphetNetDecoder
    from automodel_prophetnet.modeling import (
        ProphetNetEncoder as ProphetNetEncoder,
        ProphetNetForCausalLM as ProphetNetForCausalLM,
        ProphetNetForConditionalGeneration as ProphetNetForConditionalGeneration,
        ProphetNetModel as ProphetNetModel,
    )
    from automodel_prophetnet.outputs import (
        ProphetNetDecoderLMOutput as ProphetNetDecoderLMOutput,
        ProphetNetDecoderModelOutput as ProphetNetDecoderModelOutput,
        ProphetNetSeq2SeqLMOutput as ProphetNetSeq2SeqLMOutput,
        ProphetNetSeq2SeqModelOutput as ProphetNetSeq2SeqModelOutput,
    )
    from automodel_prophetnet.tokenization import ProphetNetTokenizer as ProphetNetTokenizer

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "base": ("ProphetNetPreTrainedModel",),
        "configuration": ("ProphetNetConfig",),
        "decoder": ("ProphetNetDecoder",),
        "modeling": (
            "ProphetNetEncoder",
            "ProphetNetForCausalLM",
            "ProphetNetForConditionalGeneration",
            "ProphetNetModel",
        ),
        "outputs": (
            "ProphetNetDecoderLMOutput",
            "ProphetNetDecoderModelOutput",
            "ProphetNetSeq2SeqLMOutput",
            "ProphetNetSeq2SeqModelOutput",
        ),
        "tokenization": ("ProphetNetTokenizer",),
    },
)
