"""SpeechT5's vocoder, HiFi-GAN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core import modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.hifigan import WaveformGenerator
from automodel_speecht5.configuration import SpeechT5HifiGanConfig

PARTS = ("conv_pre", "upsampler", "resblocks", "conv_post")


class SpeechT5HifiGan(modeling.PreTrainedModel):
    """Spectrograms to waveforms."""

    config_class = SpeechT5HifiGanConfig
    config: SpeechT5HifiGanConfig
    main_input_name = "spectrogram"
    input_embeddings = "generator.conv_pre"
    mean: Tensor
    scale: Tensor

    def __init__(self, config: SpeechT5HifiGanConfig) -> None:
        super().__init__(config)
        self.generator = WaveformGenerator(config.model_in_dim, config, post_bias=True)
        self.register_buffer("mean", torch.zeros(config.model_in_dim))
        self.register_buffer("scale", torch.ones(config.model_in_dim))
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return WeightNames({part: f"generator.{part}" for part in PARTS})

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, nn.ConvTranspose1d):
            module.weight.normal_(0.0, self.config.initializer_range)
            if module.bias is not None:
                module.bias.zero_()

    def forward(self, spectrogram: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """Return ``(batch, samples)`` of ``(batch, frames, mels)``, or of one row one.

        Rows of other ``lengths`` in frames sound as they do alone, and are silent behind their end.
        """
        single = spectrogram.dim() == 2
        frames = spectrogram[None] if single else spectrogram
        if self.config.normalize_before:
            frames = (frames - self.mean) / self.scale
        shown = None
        if lengths is not None and len(set(lengths)) > 1:
            ends = torch.tensor(lengths, device=frames.device)[:, None]
            places = torch.arange(frames.shape[1], device=frames.device)
            shown = (places < ends)[:, None].to(frames.dtype)
        waveform: Tensor = self.generator(frames.transpose(1, 2), shown=shown)[:, 0]
        return waveform[0] if single else waveform
