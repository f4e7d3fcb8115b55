from automodel_core.families.vit.configuration import ViTFamilyConfig as ViTFamilyConfig
from automodel_core.families.vit.image_processing import (
    ViTFeatureExtractor as ViTFeatureExtractor,
    ViTImageProcessor as ViTImageProcessor,
    ViTImageProcessorFast as ViTImageProcessorFast,
    ViTImageProcessorPil as ViTImageProcessorPil,
)
from automodel_core.families.vit.layer import vit_layer as vit_layer
from automodel_core.families.vit.names import VIT_NAMES as VIT_NAMES
