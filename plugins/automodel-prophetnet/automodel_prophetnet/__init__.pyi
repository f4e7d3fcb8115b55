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
