from automodel_core.families.swin.configuration import SwinFamilyConfig as SwinFamilyConfig
from automodel_core.families.swin.layers import (
    PostNormWindowLayer as PostNormWindowLayer,
    PreNormWindowLayer as PreNormWindowLayer,
    WindowLayer as WindowLayer,
    swin_layer as swin_layer,
    swinv2_layer as swinv2_layer,
)
from automodel_core.families.swin.models import (
    SwinEmbeddings as SwinEmbeddings,
    SwinFamilyForImageClassification as SwinFamilyForImageClassification,
    SwinFamilyLayers as SwinFamilyLayers,
    SwinFamilyPreTrainedModel as SwinFamilyPreTrainedModel,
    SwinImageClassifierOutput as SwinImageClassifierOutput,
    SwinModelOutput as SwinModelOutput,
    WindowPreTrainedModel as WindowPreTrainedModel,
)
from automodel_core.families.swin.names import (
    SWIN_NAMES as SWIN_NAMES,
    WINDOW_LAYER_NAMES as WINDOW_LAYER_NAMES,
)
from automodel_core.families.swin.stages import (
    StagesOutput as StagesOutput,
    SwinStage as SwinStage,
    SwinStages as SwinStages,
    as_maps as as_maps,
)
