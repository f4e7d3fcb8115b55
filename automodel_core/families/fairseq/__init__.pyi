from automodel_core.families.fairseq.configuration import (
    EncoderDecoderSizes as EncoderDecoderSizes,
    FairseqConfig as FairseqConfig,
    FairseqDecoderConfig as FairseqDecoderConfig,
)
from automodel_core.families.fairseq.external_ids import (
    ExternalIdModel as ExternalIdModel,
    ExternalIdTokenizer as ExternalIdTokenizer,
    read_vocabulary as read_vocabulary,
    vocabulary_backend as vocabulary_backend,
    vocabulary_json as vocabulary_json,
)
from automodel_core.families.fairseq.languages import MultilingualTokenizer as MultilingualTokenizer
from automodel_core.families.fairseq.models import (
    FairseqDecoder as FairseqDecoder,
    FairseqForCausalLM as FairseqForCausalLM,
    FairseqForConditionalGeneration as FairseqForConditionalGeneration,
    FairseqForQuestionAnswering as FairseqForQuestionAnswering,
    FairseqForSequenceClassification as FairseqForSequenceClassification,
    FairseqModel as FairseqModel,
    FairseqPreTrainedModel as FairseqPreTrainedModel,
    WithLogitsBias as WithLogitsBias,
    last_token_first as last_token_first,
)
from automodel_core.families.fairseq.names import stack_names as stack_names
from automodel_core.families.fairseq.source_target import (
    EncodingSide as EncodingSide,
    TranslationTokenizer as TranslationTokenizer,
)
from automodel_core.families.fairseq.stack import (
    FairseqStack as FairseqStack,
    NormedTokenEmbeddings as NormedTokenEmbeddings,
    SummedEmbeddings as SummedEmbeddings,
    TextEmbeddings as TextEmbeddings,
    text_layer as text_layer,
    token_embedding as token_embedding,
)
from automodel_core.families.fairseq.vocabulary import (
    FairseqPieces as FairseqPieces,
    FairseqTokenizer as FairseqTokenizer,
    FramedPieces as FramedPieces,
    fairseq_order as fairseq_order,
)
