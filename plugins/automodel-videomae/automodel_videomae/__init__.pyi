from automodel_videomae.configuration import VideoMAEConfig as VideoMAEConfig
from automodel_videomae.image_processing import (
    VideoMAEFeatureExtractor as VideoMAEFeatureExtractor,
    VideoMAEImageProcessor as VideoMAEImageProcessor,
    VideoMAEImageProcessorPil as VideoMAEImageProcessorPil,
    VideoMAEVideoProcessor as VideoMAEVideoProcessor,
)
from automodel_videomae.modeling import (
    VideoMAEForVideoClassification as VideoMAEForVideoClassification,
    VideoMAEModel as VideoMAEModel,
    VideoMAEPreTrainedModel as VideoMAEPreTrainedModel,
)
from automodel_videomae.pretraining import VideoMAEForPreTraining as VideoMAEForPreTraining
