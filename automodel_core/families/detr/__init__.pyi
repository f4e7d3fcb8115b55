from automodel_core.families.detr.layers import (
    PlacedAttention as PlacedAttention,
    PlacedLayer as PlacedLayer,
    placed_layer as placed_layer,
)
from automodel_core.families.detr.names import (
    layer_aliases as layer_aliases,
    layer_names as layer_names,
)
from automodel_core.families.detr.objects import (
    PredictionHead as PredictionHead,
    QueryDetectionOutput as QueryDetectionOutput,
    QueryObjectDetection as QueryObjectDetection,
    SetCriterion as SetCriterion,
    Targets as Targets,
)
from automodel_core.families.detr.positions import (
    LearnedPlanePositions as LearnedPlanePositions,
    SinePlanePositions as SinePlanePositions,
)
from automodel_core.families.detr.stacks import (
    MapEncoder as MapEncoder,
    QueryDecoder as QueryDecoder,
    QueryDecoderOutput as QueryDecoderOutput,
)
