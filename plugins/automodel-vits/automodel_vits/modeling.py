"""VITS: what a text sounds like, for how long, and the waveform of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError, shown
from automodel_core.families.hifigan import WaveformGenerator
from automodel_vits.configuration import VitsConfig
from automodel_vits.durations import VitsDurationPredictor, VitsStochasticDurationPredictor
from automodel_vits.encoder import VitsAttention, VitsTextEncoder
from automodel_vits.flows import VitsPosteriorEncoder, VitsResidualCouplingBlock
from automodel_vits.weights import VITS

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class VitsModelOutput(modeling.ModelOutput):
    """Speech: samples ``(batch, samples)``, how many of each row count, and what they are made of.

    ``waveform`` is silent behind the end of a row. ``spectrogram`` ``(batch, features, frames)`` is
    what the vocoder read.
    """

    waveform: Tensor = modeling.FILLED
    sequence_lengths: Tensor = modeling.FILLED
    spectrogram: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class VitsHifiGan(WaveformGenerator):
    """The vocoder, whose voice is a speaker's if one is given."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__(config.flow_size, config, post_bias=False)
        if config.speaker_embedding_size:
            self.cond = nn.Conv1d(config.speaker_embedding_size, config.upsample_initial_channel, 1)

    def forward(
        self, spectrogram: Tensor, added: Tensor | None = None, shown: Tensor | None = None
    ) -> Tensor:
        """Return ``(batch, 1, samples)``; a speaker's vectors are ``(batch, size, 1)``."""
        return super().forward(spectrogram, None if added is None else self.cond(added), shown)


class VitsPreTrainedModel(modeling.PreTrainedModel):
    """What VITS models have: names of weights, and first values."""

    config_class = VitsConfig
    config: VitsConfig
    base_model_prefix = "vits"
    input_embeddings = "text_encoder.embed_tokens"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return VITS

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                bound = (module.groups / (module.in_channels * module.kernel_size[0])) ** 0.5
                nn.init.uniform_(module.bias, -bound, bound)
        elif isinstance(module, VitsAttention):
            for name, table in module.named_parameters(recurse=False):
                if name.startswith("emb_rel"):
                    table.normal_(0.0, module.head_dim**-0.5)
        else:
            super().init_module(module)


class VitsModel(VitsPreTrainedModel):
    """Texts to speech.

    ``speaking_rate``, ``noise_scale`` and ``noise_scale_duration`` are the configuration's at
    first; they may be set for all calls, or given to one.
    """

    def __init__(self, config: VitsConfig) -> None:
        super().__init__(config)
        self.text_encoder = VitsTextEncoder(config)
        self.flow = VitsResidualCouplingBlock(config)
        self.decoder = VitsHifiGan(config)
        self.duration_predictor: nn.Module = (
            VitsStochasticDurationPredictor(config)
            if config.use_stochastic_duration_prediction
            else VitsDurationPredictor(config)
        )
        if config.num_speakers > 1:
            self.embed_speaker = layers.embedding(
                config.num_speakers, config.speaker_embedding_size
            )
        # Training and changing a recording's voice need it.
        self.posterior_encoder = VitsPosteriorEncoder(config)
        self.speaking_rate = config.speaking_rate
        self.noise_scale = config.noise_scale
        self.noise_scale_duration = config.noise_scale_duration
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        speaker_id: int | Tensor | None = None,
        speaking_rate: float | None = None,
        noise_scale: float | None = None,
        noise_scale_duration: float | None = None,
        seed: int | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> VitsModelOutput:
        """Speak texts ``(batch, length)``.

        ``speaker_id`` is one for all rows or ``(batch,)``. A ``speaking_rate`` of 2 is twice as
        fast. The noise is drawn anew in each call, unless there is a ``seed``, or both scales are
        0.
        """
        if input_ids is None:
            raise InputError(f"{type(self).__name__} reads texts: give input_ids")
        dtype, chance = self.dtype, None
        if seed is not None:
            chance = torch.Generator().manual_seed(seed)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        shown_tokens = mask[..., None].to(dtype)
        speaker = self._speaker(speaker_id, input_ids.shape[0])
        encoded = self.text_encoder(
            input_ids, shown_tokens, attention_mask, **modeling.wanted_states(options)
        )
        drawn: dict[str, Any] = {}
        if self.config.use_stochastic_duration_prediction:
            scale = _given(noise_scale_duration, self.noise_scale_duration)
            drawn = {"reverse": True, "noise_scale": scale, "generator": chance}
        logarithms = self.duration_predictor(
            encoded.last_hidden_state.transpose(1, 2),
            shown_tokens.transpose(1, 2),
            speaker,
            **drawn,
        )
        rate = _given(speaking_rate, self.speaking_rate)
        durations = (logarithms[:, 0].float().exp() * mask.float() / rate).ceil()
        index, frames, lengths = _spread(durations)
        shown_frames = frames[:, None].to(dtype)
        # The frames lie in memory as the reference's do, which draws noise in that order.
        means, log_variances = (
            _at(each, index).transpose(1, 2)
            for each in (encoded.prior_means, encoded.prior_log_variances)
        )
        noise = _noise_like(means, chance) * _given(noise_scale, self.noise_scale)
        latents = self.flow(
            means + noise * log_variances.exp(), shown_frames, speaker, reverse=True
        )
        spectrogram = latents * shown_frames
        ends = None
        if layers.in_trace() or not bool(frames.all()):
            ends = shown_frames
        return VitsModelOutput(
            waveform=self.decoder(spectrogram, speaker, ends)[:, 0],
            sequence_lengths=lengths * self.config.samples_per_frame,
            spectrogram=spectrogram,
            hidden_states=encoded.hidden_states,
            attentions=encoded.attentions,
        )

    def _speaker(self, speaker_id: int | Tensor | None, rows: int) -> Tensor | None:
        """Return the vectors of speakers ``(1 or batch, size, 1)``, if any is named."""
        count = self.config.num_speakers
        if count == 1 or speaker_id is None:
            return None
        ids = torch.as_tensor(speaker_id, device=self.embed_speaker.weight.device).reshape(-1)
        if len(ids) not in (1, rows):
            raise InputError(f"{len(ids)} speakers were given for {rows} texts")
        if not layers.in_trace() and not bool(((ids >= 0) & (ids < count)).all()):
            raise InputError(f"speaker_id={shown(speaker_id)}: speakers are 0 to {count - 1}")
        vectors: Tensor = self.embed_speaker(ids)
        return vectors[..., None]


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def _noise_like(values: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return noise of the same shape and order in memory; a seed gives the same on any device."""
    if generator is None:
        return torch.randn_like(values)
    return torch.empty_like(values, device="cpu").normal_(generator=generator).to(values.device)


def _spread(durations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return which token each frame belongs to, which frames there are, and how many.

    ``durations`` are ``(batch, tokens)``. A text of no duration has one frame, of no token: its
    index is -1.
    """
    ends = durations.cumsum(-1)
    lengths = ends[:, -1].clamp_min(1).long()
    longest = lengths.max().item()
    if layers.in_trace():
        torch._check(longest > 1)  # else there would be a program of its own for one frame
    places = torch.arange(longest, device=durations.device)
    index = (places[:, None] >= ends[:, None]).sum(-1)
    index = index.masked_fill(places >= ends[:, -1:], -1)
    return index, places < lengths[:, None], lengths


def _at(values: Tensor, index: Tensor) -> Tensor:
    """Return ``(batch, frames, features)`` of ``(batch, tokens, features)``; 0 for no token."""
    rows = index.clamp_min(0)[..., None].expand(-1, -1, values.shape[2])
    return values.gather(1, rows) * (index >= 0)[..., None]
