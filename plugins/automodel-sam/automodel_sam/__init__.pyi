from automodel_sam.configuration import (
    SamConfig as SamConfig,
    SamMaskDecoderConfig as SamMaskDecoderConfig,
    SamPromptEncoderConfig as SamPromptEncoderConfig,
    SamVisionConfig as SamVisionConfig,
)
from automodel_sam.image_processing import (
    SamImageProcessor as SamImageProcessor,
    SamImageProcessorFast as SamImageProcessorFast,
    SamImageProcessorPil as SamImageProcessorPil,
)
from automodel_sam.modeling import (
    SamImageSegmentationOutput as SamImageSegmentationOutput,
    SamModel as SamModel,
    SamPreTrainedModel as SamPreTrainedModel,
    SamVisionEncoderOutput as SamVisionEncoderOutput,
    SamVisionModel as SamVisionModel,
)
from automodel_sam.processing import SamProcessor as SamProcessor
