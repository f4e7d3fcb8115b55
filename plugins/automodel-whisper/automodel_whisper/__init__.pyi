from automodel_whisper.configuration import WhisperConfig as WhisperConfig
from automodel_whisper.feature_extraction import (
    WhisperFeatureExtractor as WhisperFeatureExtractor,
)
from automodel_whisper.modeling import (
    WhisperForAudioClassification as WhisperForAudioClassification,
    WhisperForCausalLM as WhisperForCausalLM,
    WhisperForConditionalGeneration as WhisperForConditionalGeneration,
    WhisperModel as WhisperModel,
    WhisperPreTrainedModel as WhisperPreTrainedModel,
)
from automodel_whisper.normalisation import (
    BasicTextNormalizer as BasicTextNormalizer,
    EnglishTextNormalizer as EnglishTextNormalizer,
)
from automodel_whisper.processing import WhisperProcessor as WhisperProcessor
from automodel_whisper.tokenization import (
    WhisperTokenizer as WhisperTokenizer,
    WhisperTokenizerFast as WhisperTokenizerFast,
)
from automodel_whisper.transcription.processors import (
    WhisperTimeStampLogitsProcessor as WhisperTimeStampLogitsProcessor,
)
