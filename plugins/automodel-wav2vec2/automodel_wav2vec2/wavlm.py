"""WavLM: Wav2Vec2's layers, in which a gate on each head weighs what distances add to scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_wav2vec2.configuration import WavLMConfig
from automodel_wav2vec2.layer import ConvAdapter, further_parts, layer_settings
from automodel_wav2vec2.modeling import (
    SpeechForAudioFrameClassification,
    SpeechForCTC,
    SpeechForSequenceClassification,
    SpeechForXVector,
    SpeechHead,
    SpeechModel,
    SpeechPreTrainedModel,
)


@dataclass(frozen=True)
class DistanceView(layers.KeyView):
    """What distances add to the scores, ``(1, heads, frames, frames)``, and the padding's mask."""

    distances: Tensor
    mask: Tensor | None


class GatedAttention(layers.Attention):
    """Attention whose states say, head by head, how much distances count."""

    def __init__(self, config: WavLMConfig) -> None:
        heads = config.num_attention_heads
        projections = layers.equal_heads(config.hidden_size, heads)
        super().__init__(projections, dropout=config.attention_dropout)
        self.gate_scale = nn.Parameter(torch.ones(1, heads, 1, 1))
        self.gate = layers.linear(self.head_dim, 8)

    def forward(
        self, hidden_states: Tensor, mask: layers.Mask = None, **options: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over the frames as a `DistanceView` says."""
        if not isinstance(mask, DistanceView):
            raise TypeError(f"GatedAttention needs a DistanceView, got {type(mask).__name__}")
        # Two gates for each frame and head, each the sum of four numbers.
        numbers = self.gate(self._split(hidden_states)).unflatten(-1, (2, 4)).sum(-1)
        opened, scaled = numbers.sigmoid().chunk(2, dim=-1)
        bias = (opened * (scaled * self.gate_scale - 1) + 2) * mask.distances
        return super().forward(
            hidden_states, bias if mask.mask is None else bias + mask.mask, **options
        )


class WavLMPreTrainedModel(SpeechPreTrainedModel):
    """What all WavLM models share."""

    config_class = WavLMConfig
    config: WavLMConfig
    base_model_prefix = "wavlm"


class WavLMModel(WavLMPreTrainedModel, SpeechModel):
    """The body of WavLM."""

    output = modeling.WaveformModelOutput

    def __init__(self, config: WavLMConfig) -> None:
        super().__init__(config)
        self.distances = layers.RelativePositionBias(
            config.num_attention_heads,
            config.num_buckets,
            config.max_bucket_distance,
            bidirectional=True,
        )
        self.post_init()

    def new_layer(self) -> layers.TransformerLayer:
        config = self.config
        parts = GatedAttention(config), *further_parts(config)
        return layers.TransformerLayer(*parts, **layer_settings(config))

    def new_adapter(self) -> ConvAdapter | None:
        return ConvAdapter(self.config) if self.config.add_adapter else None

    def view(self, states: Tensor, heard: Tensor | None) -> layers.Mask:
        heads = states.unsqueeze(1)
        return DistanceView(self.distances(heads, heads), super().view(states, heard))  # type: ignore[arg-type]


class WavLMHead(WavLMPreTrainedModel, SpeechHead):
    """A head on `WavLMModel`."""

    body_class = WavLMModel


class WavLMForCTC(WavLMHead, SpeechForCTC):
    """Scores of symbols for each frame."""


class WavLMForSequenceClassification(WavLMHead, SpeechForSequenceClassification):
    """A class for a recording, by the mean of its frames."""


class WavLMForAudioFrameClassification(WavLMHead, SpeechForAudioFrameClassification):
    """A class for each frame, such as who of several speaks."""


class WavLMForXVector(WavLMHead, SpeechForXVector):
    """A vector that says who speaks."""
