from automodel_core.modeling.bodies.backbone import (
    BackboneMixin as BackboneMixin,
    backbone_names as backbone_names,
    load_backbone as load_backbone,
)
from automodel_core.modeling.bodies.image import hidden_patches as hidden_patches
from automodel_core.modeling.bodies.inputs import (
    DecoderOptions as DecoderOptions,
    TextInputs as TextInputs,
)
from automodel_core.modeling.bodies.seq2seq import (
    EncoderDecoderBody as EncoderDecoderBody,
    EncoderOutputs as EncoderOutputs,
    Seq2SeqInputs as Seq2SeqInputs,
    Seq2SeqOptions as Seq2SeqOptions,
    as_encoder_output as as_encoder_output,
    joined_output as joined_output,
    shift_right as shift_right,
)
from automodel_core.modeling.bodies.text import (
    TextBody as TextBody,
    TextRunner as TextRunner,
    TextStack as TextStack,
)
from automodel_core.modeling.calls import (
    CallableModule as CallableModule,
    ForwardOptions as ForwardOptions,
    model_call as model_call,
    wanted_states as wanted_states,
)
from automodel_core.modeling.devices.tensor_parallel import (
    parallelize as parallelize,
    tp_plan_of as tp_plan_of,
)
from automodel_core.modeling.heads.audio import (
    AudioModelForCTC as AudioModelForCTC,
    AudioModelForFrameClassification as AudioModelForFrameClassification,
    AudioModelForSequenceClassification as AudioModelForSequenceClassification,
    AudioModelForXVector as AudioModelForXVector,
    AudioModelHead as AudioModelHead,
    TimeDelayLayer as TimeDelayLayer,
    mean_of_heard as mean_of_heard,
)
from automodel_core.modeling.heads.image import (
    ImageModelForImageClassification as ImageModelForImageClassification,
    ImageModelForLabels as ImageModelForLabels,
    ImageModelForMaskedImageModeling as ImageModelForMaskedImageModeling,
    ImageModelHead as ImageModelHead,
    pixel_decoder as pixel_decoder,
)
from automodel_core.modeling.heads.parts import (
    ClassificationHead as ClassificationHead,
    HeadTransform as HeadTransform,
    Pooler as Pooler,
    SequenceSummary as SequenceSummary,
    answer_scores as answer_scores,
    states_to_score as states_to_score,
)
from automodel_core.modeling.heads.seq2seq import (
    EncoderDecoderForConditionalGeneration as EncoderDecoderForConditionalGeneration,
    EncoderDecoderForQuestionAnswering as EncoderDecoderForQuestionAnswering,
    EncoderDecoderForSequenceClassification as EncoderDecoderForSequenceClassification,
    EncoderDecoderHead as EncoderDecoderHead,
)
from automodel_core.modeling.heads.text import (
    DecoderForSequenceClassification as DecoderForSequenceClassification,
    TextModelForCausalLM as TextModelForCausalLM,
    TextModelForLabels as TextModelForLabels,
    TextModelForMaskedLM as TextModelForMaskedLM,
    TextModelForMultipleChoice as TextModelForMultipleChoice,
    TextModelForNextSentencePrediction as TextModelForNextSentencePrediction,
    TextModelForQuestionAnswering as TextModelForQuestionAnswering,
    TextModelForReplacedTokens as TextModelForReplacedTokens,
    TextModelForSequenceClassification as TextModelForSequenceClassification,
    TextModelForTokenClassification as TextModelForTokenClassification,
    TextModelHead as TextModelHead,
)
from automodel_core.modeling.heads.two_towers import TwoTowerModel as TwoTowerModel
from automodel_core.modeling.losses.audio import (
    MarginSoftmaxLoss as MarginSoftmaxLoss,
    connectionist_loss as connectionist_loss,
)
from automodel_core.modeling.losses.classes import (
    ItemCount as ItemCount,
    batch_mean as batch_mean,
)
from automodel_core.modeling.losses.contrastive import (
    sigmoid_contrastive_loss as sigmoid_contrastive_loss,
    softmax_contrastive_loss as softmax_contrastive_loss,
)
from automodel_core.modeling.losses.image import (
    hidden_pixel_loss as hidden_pixel_loss,
    pixel_class_loss as pixel_class_loss,
)
from automodel_core.modeling.losses.labels import classification_loss as classification_loss
from automodel_core.modeling.losses.text import (
    next_token_loss as next_token_loss,
    replaced_token_loss as replaced_token_loss,
    span_loss as span_loss,
    token_loss as token_loss,
)
from automodel_core.modeling.outputs.audio import (
    WaveformModelOutput as WaveformModelOutput,
    XVectorOutput as XVectorOutput,
)
from automodel_core.modeling.outputs.base import (
    FILLED as FILLED,
    BaseModelOutput as BaseModelOutput,
    LabelOutput as LabelOutput,
    ModelOutput as ModelOutput,
)
from automodel_core.modeling.outputs.image import (
    BackboneOutput as BackboneOutput,
    DepthEstimatorOutput as DepthEstimatorOutput,
    ImageClassifierOutput as ImageClassifierOutput,
    ImageSuperResolutionOutput as ImageSuperResolutionOutput,
    MaskedImageModelingOutput as MaskedImageModelingOutput,
    SemanticSegmenterOutput as SemanticSegmenterOutput,
)
from automodel_core.modeling.outputs.image_text import (
    ImageEmbedsOutput as ImageEmbedsOutput,
    ImageTextOutput as ImageTextOutput,
    TextEmbedsOutput as TextEmbedsOutput,
    TowersOutput as TowersOutput,
)
from automodel_core.modeling.outputs.seq2seq import (
    Seq2SeqLabelOutput as Seq2SeqLabelOutput,
    Seq2SeqLMOutput as Seq2SeqLMOutput,
    Seq2SeqModelOutput as Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput as Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput as Seq2SeqSequenceClassifierOutput,
)
from automodel_core.modeling.outputs.text import (
    CausalLMOutput as CausalLMOutput,
    MaskedLMOutput as MaskedLMOutput,
    MultipleChoiceModelOutput as MultipleChoiceModelOutput,
    NextSentencePredictorOutput as NextSentencePredictorOutput,
    QuestionAnsweringModelOutput as QuestionAnsweringModelOutput,
    SequenceClassifierOutput as SequenceClassifierOutput,
    SequenceClassifierOutputWithPast as SequenceClassifierOutputWithPast,
    TokenClassifierOutput as TokenClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel as PreTrainedModel
from automodel_core.modeling.pretrained.first_values import (
    SelfDrawn as SelfDrawn,
    init_normal as init_normal,
)
from automodel_core.modeling.pretrained.generative import (
    GenerativePreTrainedModel as GenerativePreTrainedModel,
)
from automodel_core.modeling.pretrained.vocabulary import resize_tokens as resize_tokens
