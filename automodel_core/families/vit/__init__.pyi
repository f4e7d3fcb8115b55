from automodel_core.families.vit.configuration import ViTFamilyConfig as ViTFamilyConfig
from automodel_core.families.vit.layer import vit_layer as vit_layer
from automodel_core.families.vit.names import VIT_NAMES as VIT_NAMES
