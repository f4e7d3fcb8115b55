from automodel_speech_encoder_decoder.configuration import (
    SpeechEncoderDecoderConfig as SpeechEncoderDecoderConfig,
)
from automodel_speech_encoder_decoder.modeling import (
    SpeechEncoderDecoderModel as SpeechEncoderDecoderModel,
)
