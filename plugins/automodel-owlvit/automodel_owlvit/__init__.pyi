from automodel_owlvit.configuration import (
    Owlv2Config as Owlv2Config,
    Owlv2TextConfig as Owlv2TextConfig,
    Owlv2VisionConfig as Owlv2VisionConfig,
    OwlViTConfig as OwlViTConfig,
    OwlViTTextConfig as OwlViTTextConfig,
    OwlViTVisionConfig as OwlViTVisionConfig,
)
from automodel_owlvit.detection import (
    Owlv2ForObjectDetection as Owlv2ForObjectDetection,
    Owlv2ImageGuidedObjectDetectionOutput as Owlv2ImageGuidedObjectDetectionOutput,
    Owlv2ObjectDetectionOutput as Owlv2ObjectDetectionOutput,
    OwlViTForObjectDetection as OwlViTForObjectDetection,
    OwlViTImageGuidedObjectDetectionOutput as OwlViTImageGuidedObjectDetectionOutput,
    OwlViTObjectDetectionOutput as OwlViTObjectDetectionOutput,
)
from automodel_owlvit.image_processing import (
    Owlv2ImageProcessor as Owlv2ImageProcessor,
    Owlv2ImageProcessorFast as Owlv2ImageProcessorFast,
    Owlv2ImageProcessorPil as Owlv2ImageProcessorPil,
    OwlViTFeatureExtractor as OwlViTFeatureExtractor,
    OwlViTImageProcessor as OwlViTImageProcessor,
    OwlViTImageProcessorFast as OwlViTImageProcessorFast,
    OwlViTImageProcessorPil as OwlViTImageProcessorPil,
)
from automodel_owlvit.modeling import (
    Owlv2Model as Owlv2Model,
    Owlv2TextModel as Owlv2TextModel,
    Owlv2VisionModel as Owlv2VisionModel,
    OwlViTModel as OwlViTModel,
    OwlViTPreTrainedModel as OwlViTPreTrainedModel,
    OwlViTTextModel as OwlViTTextModel,
    OwlViTVisionModel as OwlViTVisionModel,
)
from automodel_owlvit.processing import (
    Owlv2Processor as Owlv2Processor,
    OwlViTProcessor as OwlViTProcessor,
)
from automodel_owlvit.tokenization import (
    CLIPTokenizer as CLIPTokenizer,
    CLIPTokenizerFast as CLIPTokenizerFast,
)
