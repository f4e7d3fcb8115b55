from automodel_speecht5.configuration import (
    SpeechT5Config as SpeechT5Config,
    SpeechT5HifiGanConfig as SpeechT5HifiGanConfig,
)
from automodel_speecht5.feature_extraction import (
    SpeechT5FeatureExtractor as SpeechT5FeatureExtractor,
)
from automodel_speecht5.modeling import (
    SpeechT5ForSpeechToText as SpeechT5ForSpeechToText,
    SpeechT5Model as SpeechT5Model,
    SpeechT5PreTrainedModel as SpeechT5PreTrainedModel,
)
from automodel_speecht5.processing import SpeechT5Processor as SpeechT5Processor
from automodel_speecht5.speaking import (
    Seq2SeqSpectrogramOutput as Seq2SeqSpectrogramOutput,
    SpeechT5ForSpeechToSpeech as SpeechT5ForSpeechToSpeech,
    SpeechT5ForTextToSpeech as SpeechT5ForTextToSpeech,
)
from automodel_speecht5.tokenization import SpeechT5Tokenizer as SpeechT5Tokenizer
from automodel_speecht5.vocoder import SpeechT5HifiGan as SpeechT5HifiGan
