from automodel_core.auto.config import AutoConfig as AutoConfig
from automodel_core.auto.lock import lock_checkpoint as lock_checkpoint
from automodel_core.auto.model_base import AutoModelBase as AutoModelBase
from automodel_core.auto.models import (
    AutoModel as AutoModel,
    AutoModelForAudioClassification as AutoModelForAudioClassification,
    AutoModelForAudioFrameClassification as AutoModelForAudioFrameClassification,
    AutoModelForAudioXVector as AutoModelForAudioXVector,
    AutoModelForCausalLM as AutoModelForCausalLM,
    AutoModelForCTC as AutoModelForCTC,
    AutoModelForDepthEstimation as AutoModelForDepthEstimation,
    AutoModelForDocumentQuestionAnswering as AutoModelForDocumentQuestionAnswering,
    AutoModelForImageClassification as AutoModelForImageClassification,
    AutoModelForImageSegmentation as AutoModelForImageSegmentation,
    AutoModelForImageTextToText as AutoModelForImageTextToText,
    AutoModelForImageToImage as AutoModelForImageToImage,
    AutoModelForInstanceSegmentation as AutoModelForInstanceSegmentation,
    AutoModelForKeypointDetection as AutoModelForKeypointDetection,
    AutoModelForMaskedImageModeling as AutoModelForMaskedImageModeling,
    AutoModelForMaskedLM as AutoModelForMaskedLM,
    AutoModelForMaskGeneration as AutoModelForMaskGeneration,
    AutoModelForMultipleChoice as AutoModelForMultipleChoice,
    AutoModelForNextSentencePrediction as AutoModelForNextSentencePrediction,
    AutoModelForObjectDetection as AutoModelForObjectDetection,
    AutoModelForPreTraining as AutoModelForPreTraining,
    AutoModelForQuestionAnswering as AutoModelForQuestionAnswering,
    AutoModelForSemanticSegmentation as AutoModelForSemanticSegmentation,
    AutoModelForSeq2SeqLM as AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification as AutoModelForSequenceClassification,
    AutoModelForSpeechSeq2Seq as AutoModelForSpeechSeq2Seq,
    AutoModelForTableQuestionAnswering as AutoModelForTableQuestionAnswering,
    AutoModelForTextEncoding as AutoModelForTextEncoding,
    AutoModelForTextToSpectrogram as AutoModelForTextToSpectrogram,
    AutoModelForTextToWaveform as AutoModelForTextToWaveform,
    AutoModelForTokenClassification as AutoModelForTokenClassification,
    AutoModelForUniversalSegmentation as AutoModelForUniversalSegmentation,
    AutoModelForVideoClassification as AutoModelForVideoClassification,
    AutoModelForVision2Seq as AutoModelForVision2Seq,
    AutoModelForVisualQuestionAnswering as AutoModelForVisualQuestionAnswering,
    AutoModelForZeroShotImageClassification as AutoModelForZeroShotImageClassification,
    AutoModelForZeroShotObjectDetection as AutoModelForZeroShotObjectDetection,
)
from automodel_core.auto.plan import ModelPlan as ModelPlan
from automodel_core.auto.processors import (
    AutoFeatureExtractor as AutoFeatureExtractor,
    AutoImageProcessor as AutoImageProcessor,
    AutoProcessor as AutoProcessor,
)
from automodel_core.auto.tokenizer import AutoTokenizer as AutoTokenizer
