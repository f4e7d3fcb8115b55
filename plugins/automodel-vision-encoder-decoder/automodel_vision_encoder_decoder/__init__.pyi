from automodel_vision_encoder_decoder.configuration import (
    VisionEncoderDecoderConfig as VisionEncoderDecoderConfig,
)
from automodel_vision_encoder_decoder.modeling import (
    VisionEncoderDecoderModel as VisionEncoderDecoderModel,
)
