from automodel_superpoint.configuration import SuperPointConfig as SuperPointConfig
from automodel_superpoint.image_processing import (
    SuperPointImageProcessor as SuperPointImageProcessor,
    SuperPointImageProcessorFast as SuperPointImageProcessorFast,
    SuperPointImageProcessorPil as SuperPointImageProcessorPil,
)
from automodel_superpoint.modeling import (
    SuperPointForKeypointDetection as SuperPointForKeypointDetection,
    SuperPointKeypointDescriptionOutput as SuperPointKeypointDescriptionOutput,
    SuperPointPreTrainedModel as SuperPointPreTrainedModel,
)
