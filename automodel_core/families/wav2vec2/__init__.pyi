from automodel_core.families.wav2vec2.configuration import WaveformConfig as WaveformConfig
from automodel_core.families.wav2vec2.hiding import without_hidden_spans as without_hidden_spans
from automodel_core.families.wav2vec2.names import POSITION_NAMES as POSITION_NAMES
from automodel_core.families.wav2vec2.positions import (
    NormedConvPositions as NormedConvPositions,
    WeightNormConvPositions as WeightNormConvPositions,
)
from automodel_core.families.wav2vec2.stem import (
    FeatureEncoder as FeatureEncoder,
    FeatureProjection as FeatureProjection,
    KaimingConv1d as KaimingConv1d,
    UniformProjection as UniformProjection,
)
