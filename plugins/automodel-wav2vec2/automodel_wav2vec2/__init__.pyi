from automodel_wav2vec2.configuration import (
    HubertConfig as HubertConfig,
    Wav2Vec2Config as Wav2Vec2Config,
    WavLMConfig as WavLMConfig,
)
from automodel_wav2vec2.feature_extraction import (
    Wav2Vec2FeatureExtractor as Wav2Vec2FeatureExtractor,
)
from automodel_wav2vec2.language_models import (
    Wav2Vec2ProcessorWithLM as Wav2Vec2ProcessorWithLM,
)
from automodel_wav2vec2.modeling import (
    HubertForCTC as HubertForCTC,
    HubertForSequenceClassification as HubertForSequenceClassification,
    HubertModel as HubertModel,
    HubertPreTrainedModel as HubertPreTrainedModel,
    Wav2Vec2ForAudioFrameClassification as Wav2Vec2ForAudioFrameClassification,
    Wav2Vec2ForCTC as Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification as Wav2Vec2ForSequenceClassification,
    Wav2Vec2ForXVector as Wav2Vec2ForXVector,
    Wav2Vec2Model as Wav2Vec2Model,
    Wav2Vec2PreTrainedModel as Wav2Vec2PreTrainedModel,
)
from automodel_wav2vec2.pretraining import (
    Wav2Vec2ForPreTraining as Wav2Vec2ForPreTraining,
    sample_negative_indices as sample_negative_indices,
)
from automodel_wav2vec2.processing import Wav2Vec2Processor as Wav2Vec2Processor
from automodel_wav2vec2.tokenization import Wav2Vec2CTCTokenizer as Wav2Vec2CTCTokenizer
from automodel_wav2vec2.wavlm import (
    WavLMForAudioFrameClassification as WavLMForAudioFrameClassification,
    WavLMForCTC as WavLMForCTC,
    WavLMForSequenceClassification as WavLMForSequenceClassification,
    WavLMForXVector as WavLMForXVector,
    WavLMModel as WavLMModel,
    WavLMPreTrainedModel as WavLMPreTrainedModel,
)
