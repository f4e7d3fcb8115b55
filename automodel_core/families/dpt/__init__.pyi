from automodel_core.families.dpt.image_processing import (
    BitImageProcessor as BitImageProcessor,
    BitImageProcessorFast as BitImageProcessorFast,
    BitImageProcessorPil as BitImageProcessorPil,
    DPTFeatureExtractor as DPTFeatureExtractor,
    DPTImageProcessor as DPTImageProcessor,
    DPTImageProcessorFast as DPTImageProcessorFast,
    DPTImageProcessorPil as DPTImageProcessorPil,
)
from automodel_core.families.dpt.neck import (
    DPTNeck as DPTNeck,
    FittedFusionStage as FittedFusionStage,
)
