from automodel_core.families.detr.layers import (
    PlacedAttention as PlacedAttention,
    PlacedLayer as PlacedLayer,
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
