from automodel_core.layers.activations import Activation as Activation, activation as activation
from automodel_core.layers.attention import (
    Attention as Attention,
    Projections as Projections,
    equal_heads as equal_heads,
    grouped_heads as grouped_heads,
)
from automodel_core.layers.caches.base import (
    Cache as Cache,
    CrossAttentionCache as CrossAttentionCache,
    LayerCache as LayerCache,
    SelfAttentionCache as SelfAttentionCache,
    span_of as span_of,
)
from automodel_core.layers.caches.key_view import (
    CAUSAL as CAUSAL,
    KeyView as KeyView,
    Mask as Mask,
)
from automodel_core.layers.caches.names import (
    DynamicCache as DynamicCache,
    EncoderDecoderCache as EncoderDecoderCache,
)
from automodel_core.layers.caches.offloaded import OffloadedCache as OffloadedCache
from automodel_core.layers.caches.position import PositionSpan as PositionSpan
from automodel_core.layers.caches.quantized import QuantizedCache as QuantizedCache
from automodel_core.layers.caches.sliding_window import SlidingWindowCache as SlidingWindowCache
from automodel_core.layers.caches.state import (
    LayerState as LayerState,
    RecurrentState as RecurrentState,
)
from automodel_core.layers.caches.static import StaticCache as StaticCache
from automodel_core.layers.feed_forward import (
    FeedForward as FeedForward,
    GatedFeedForward as GatedFeedForward,
)
from automodel_core.layers.images.convolutions import (
    FrozenBatchNorm as FrozenBatchNorm,
    NormedConv as NormedConv,
    activation_layer as activation_layer,
    freeze_batch_norms as freeze_batch_norms,
)
from automodel_core.layers.images.cosine import (
    ContinuousPositions as ContinuousPositions,
    CosineAttention as CosineAttention,
)
from automodel_core.layers.images.deformable import (
    DeformableAttention as DeformableAttention,
    map_centres as map_centres,
)
from automodel_core.layers.images.dense import (
    FeatureFusion as FeatureFusion,
    FeatureFusionStage as FeatureFusionStage,
    NormedResidualConvUnit as NormedResidualConvUnit,
    Reassemble as Reassemble,
    ResidualConvUnit as ResidualConvUnit,
    enlarged as enlarged,
    map_of_patches as map_of_patches,
)
from automodel_core.layers.images.patches import (
    PatchEmbedding as PatchEmbedding,
    PatchPositions as PatchPositions,
    edges as edges,
    patch_grid as patch_grid,
    resampled_positions as resampled_positions,
)
from automodel_core.layers.images.planes import PlaneAttention as PlaneAttention
from automodel_core.layers.images.standardised import (
    StandardisedConv2d as StandardisedConv2d,
    same_padding as same_padding,
)
from automodel_core.layers.images.windows import (
    MergedPatches as MergedPatches,
    MergedThenNormed as MergedThenNormed,
    WindowPositions as WindowPositions,
    Windows as Windows,
    between_windows as between_windows,
    from_windows as from_windows,
    to_windows as to_windows,
)
from automodel_core.layers.kernels.attention_functions import (
    AttentionFunction as AttentionFunction,
    attention_weights as attention_weights,
    eager_attention as eager_attention,
    sdpa_attention as sdpa_attention,
)
from automodel_core.layers.kernels.decode_steps import (
    kept as kept,
    prepare_linear as prepare_linear,
    prepare_norm as prepare_norm,
    score_tokens as score_tokens,
    weight_version as weight_version,
)
from automodel_core.layers.kernels.linear import (
    Embedding as Embedding,
    Linear as Linear,
    QuantisedLinear as QuantisedLinear,
    embedding as embedding,
    is_plain as is_plain,
    linear as linear,
    look_up as look_up,
    project as project,
)
from automodel_core.layers.kernels.norms import RMSNorm as RMSNorm, layer_norm as layer_norm
from automodel_core.layers.kernels.weight_norm import WeightNormConv1d as WeightNormConv1d
from automodel_core.layers.masks import (
    additive as additive,
    causal_mask as causal_mask,
    context_mask as context_mask,
    decoder_mask as decoder_mask,
    packed_mask as packed_mask,
    padding_mask as padding_mask,
    visible_keys as visible_keys,
)
from automodel_core.layers.mixer import MixerLayer as MixerLayer
from automodel_core.layers.parts import (
    CrossAttention as CrossAttention,
    CrossAttentionStep as CrossAttentionStep,
    FeedForwardPart as FeedForwardPart,
    FeedForwardStep as FeedForwardStep,
    LayerInputs as LayerInputs,
    LayerStep as LayerStep,
    Mixer as Mixer,
    MixerStep as MixerStep,
    SelfAttention as SelfAttention,
    SelfAttentionStep as SelfAttentionStep,
    StackLayer as StackLayer,
)
from automodel_core.layers.positions.absolute import (
    InterleavedPositions as InterleavedPositions,
    LearnedPositions as LearnedPositions,
    PaddedSinusoidalPositions as PaddedSinusoidalPositions,
    ScaledEmbedding as ScaledEmbedding,
    SinusoidalPositions as SinusoidalPositions,
)
from automodel_core.layers.positions.relative import RelativePositionBias as RelativePositionBias
from automodel_core.layers.positions.rotary import (
    RotaryEmbedding as RotaryEmbedding,
    Rotation as Rotation,
)
from automodel_core.layers.positions.rotary_scaling import (
    DynamicScaling as DynamicScaling,
    LinearScaling as LinearScaling,
    Llama3Scaling as Llama3Scaling,
    LongRopeScaling as LongRopeScaling,
    RotaryScaling as RotaryScaling,
    YarnScaling as YarnScaling,
)
from automodel_core.layers.stack import (
    LayerStack as LayerStack,
    SharedLayerStack as SharedLayerStack,
    StackOutput as StackOutput,
    TransformerStack as TransformerStack,
    drop_path as drop_path,
    drop_path_rates as drop_path_rates,
    finite as finite,
    repeated as repeated,
)
from automodel_core.layers.tracing import holds as holds, in_trace as in_trace
from automodel_core.layers.transformer import (
    ScaledTransformerLayer as ScaledTransformerLayer,
    TransformerLayer as TransformerLayer,
)
