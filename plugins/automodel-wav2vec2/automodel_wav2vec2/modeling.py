"""Wav2Vec2 and HuBERT: strided convolutions over a waveform, then layers over its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.wav2vec2 as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError, InputError
from automodel_wav2vec2.configuration import HubertConfig, SpeechConfig, Wav2Vec2Config
from automodel_wav2vec2.language_adapters import LanguageAdapters
from automodel_wav2vec2.layer import ConvAdapter, LanguageAdapter, speech_layer, wav2vec2_layer
from automodel_wav2vec2.weights import speech_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SpeechPreTrainedModel(modeling.PreTrainedModel):
    """What all models share: names of weights, first values, and lengths in frames."""

    config_class: ClassVar[type[Any]] = SpeechConfig
    config: Any
    main_input_name = "input_values"
    input_embeddings = "stem"
    optional_weights = ("masked_spec_embed",)

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return speech_names(cls.base_model_prefix, cls.body, norm_first=config.do_stable_layer_norm)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, SpeechModel) and module.masked_spec_embed is not None:
            module.masked_spec_embed.uniform_()
        elif isinstance(module, modeling.MarginSoftmaxLoss):
            module.weight.normal_()

    def freeze_feature_encoder(self) -> None:
        """Let training leave the convolutions over the waveform as they are."""
        for parameter in self.base_model.stem.parameters():
            parameter.requires_grad = False

    freeze_feature_extractor = freeze_feature_encoder

    def _get_feat_extract_output_lengths(
        self, input_lengths: Any, add_adapter: bool | None = None
    ) -> Any:
        """Return how many frames so many samples become, behind the adapter if there is one."""
        body = self.base_model
        wanted = body.adapter is not None if add_adapter is None else add_adapter
        frames = body.stem.frames(input_lengths)
        return body.adapter.frames(frames) if wanted else frames


class SpeechModel(SpeechPreTrainedModel):
    """The body: features of a waveform, positions, layers, and an adapter if there is one."""

    output: ClassVar[type[modeling.ModelOutput]] = modeling.BaseModelOutput
    masked_spec_embed: nn.Parameter | None

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        size, stable = config.hidden_size, config.do_stable_layer_norm
        self.stem = family.FeatureEncoder(config)
        self.projection = self.new_projection()
        self.masked_spec_embed = (
            nn.Parameter(torch.rand(size)) if config.hides_in_training else None
        )
        self.positions = self.new_positions()
        norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.norm = None if stable else norm
        self.stack = layers.TransformerStack(
            layers.repeated(self.new_layer, config.num_hidden_layers),
            norm if stable else None,
            layerdrop=config.layerdrop,
        )
        self.dropout = config.hidden_dropout
        self.adapter = self.new_adapter()
        self.post_init()

    def new_projection(self) -> family.FeatureProjection:
        return family.UniformProjection(self.config)

    def new_positions(self) -> nn.Module:
        return family.WeightNormConvPositions(self.config)

    def new_layer(self) -> layers.TransformerLayer:
        return speech_layer(self.config)

    def new_adapter(self) -> ConvAdapter | None:
        return None

    def view(self, states: Tensor, heard: Tensor | None) -> layers.Mask:
        """Return what frames see of each other."""
        return layers.padding_mask(heard, states.dtype)

    @modeling.model_call
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        mask_time_indices: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Any:
        """Run waveforms ``(batch, samples)`` through the layers.

        ``mask_time_indices`` ``(batch, frames)`` are the frames that the layers do not see.
        """
        if input_values is None:
            raise InputError("give input_values")
        features: Tensor = self.stem(input_values)
        heard = self._heard(features.shape[1], attention_mask, None)
        states, features = self.projection(features)
        states = family.without_hidden_spans(
            states,
            self.config,
            self.masked_spec_embed,
            mask_time_indices,
            heard,
            training=self.training,
        )
        if heard is not None:
            states = states.masked_fill(~heard.unsqueeze(-1), 0.0)
        states = states + self.positions(states)
        if self.norm is not None:
            states = self.norm(states)
        states = F.dropout(states, self.dropout, self.training)
        output = self.stack(states, self.view(states, heard), **modeling.wanted_states(options))
        states = output.last_hidden_state
        found = {
            "last_hidden_state": states if self.adapter is None else self.adapter(states),
            "extract_features": features,
            "hidden_states": output.hidden_states,
            "attentions": output.attentions,
        }
        fields = self.output.__dataclass_fields__
        return self.output(**{name: found[name] for name in found if name in fields})

    def heard_frames(self, frames: int, attention_mask: Tensor | None) -> Tensor | None:
        """Return ``(batch, frames)``, true for frames of samples that count; ``None``: all do.

        ``frames`` are those of the last states.
        """
        return self._heard(frames, attention_mask, self.adapter)

    def _heard(
        self, frames: int, attention_mask: Tensor | None, adapter: ConvAdapter | None
    ) -> Tensor | None:
        if attention_mask is None:
            return None
        lengths = self.stem.frames(attention_mask.sum(-1))
        lengths = lengths if adapter is None else adapter.frames(lengths)
        return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(-1)


class SpeechHead(SpeechPreTrainedModel, modeling.AudioModelHead):
    """A head on a body."""

    input_embeddings = "model.stem"
    body_class: ClassVar[type[SpeechModel]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = self.body_class(config)


class SpeechForCTC(SpeechHead, modeling.AudioModelForCTC):
    """Scores of symbols for each frame."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if config.vocab_size is None:
            raise ConfigurationError(
                f"{type(self).__name__} needs vocab_size, the number of symbols with the blank"
            )
        adapted = config.output_hidden_size if config.get("add_adapter") else None
        self.dropout = config.final_dropout
        self.lm_head = layers.linear(adapted or config.hidden_size, config.vocab_size)
        self.post_init()


class SpeechForSequenceClassification(SpeechHead, modeling.AudioModelForSequenceClassification):
    """A class for a recording."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        refuse_adapter(config, type(self).__name__)
        self.weigh_layers()
        self.projector = layers.linear(config.hidden_size, config.classifier_proj_size)
        self.classifier = layers.linear(config.classifier_proj_size, config.num_labels)
        self.post_init()


class SpeechForAudioFrameClassification(SpeechHead, modeling.AudioModelForFrameClassification):
    """A class for each frame."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        refuse_adapter(config, type(self).__name__)
        self.weigh_layers()
        self.classifier = layers.linear(config.hidden_size, config.num_labels)
        self.post_init()


class SpeechForXVector(SpeechHead, modeling.AudioModelForXVector):
    """A vector that says who speaks."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        sizes, vector = config.tdnn_dim, config.xvector_output_dim
        self.weigh_layers()
        self.projector = layers.linear(config.hidden_size, sizes[0])
        self.tdnn = nn.ModuleList(
            modeling.TimeDelayLayer(size, out, kernel, dilation)
            for size, out, kernel, dilation in zip(
                (sizes[0], *sizes), sizes, config.tdnn_kernel, config.tdnn_dilation, strict=False
            )
        )
        self.feature_extractor = layers.linear(2 * sizes[-1], vector)
        self.classifier = layers.linear(vector, vector)
        self.objective = modeling.MarginSoftmaxLoss(vector, config.num_labels)
        self.post_init()


def refuse_adapter(config: Any, name: str) -> None:
    """Raise an error if the states of layers, which a head reads, are made shorter."""
    if config.get("add_adapter"):
        raise ConfigurationError(
            f"{name} reads the states of the layers, which add_adapter=True makes shorter"
        )


class Wav2Vec2PreTrainedModel(LanguageAdapters, SpeechPreTrainedModel):
    """What all Wav2Vec2 models share."""

    config_class = Wav2Vec2Config
    config: Wav2Vec2Config
    base_model_prefix = "wav2vec2"
    adapter_class = LanguageAdapter


class Wav2Vec2Model(Wav2Vec2PreTrainedModel, SpeechModel):
    """The body of Wav2Vec2."""

    output = modeling.WaveformModelOutput

    def new_layer(self) -> layers.TransformerLayer:
        return wav2vec2_layer(self.config)

    def new_adapter(self) -> ConvAdapter | None:
        return ConvAdapter(self.config) if self.config.add_adapter else None


class Wav2Vec2Head(Wav2Vec2PreTrainedModel, SpeechHead):
    """A head on `Wav2Vec2Model`."""

    body_class = Wav2Vec2Model


class Wav2Vec2ForCTC(Wav2Vec2Head, SpeechForCTC):
    """Scores of symbols for each frame; ``target_lang`` loads the adapter of a language."""

    def __init__(self, config: Wav2Vec2Config, target_lang: str | None = None) -> None:
        super().__init__(config)
        self.ask_for_language(target_lang)


class Wav2Vec2ForSequenceClassification(Wav2Vec2Head, SpeechForSequenceClassification):
    """A class for a recording, by the mean of its frames."""


class Wav2Vec2ForAudioFrameClassification(Wav2Vec2Head, SpeechForAudioFrameClassification):
    """A class for each frame, such as who of several speaks."""


class Wav2Vec2ForXVector(Wav2Vec2Head, SpeechForXVector):
    """A vector that says who speaks."""


class HubertPreTrainedModel(SpeechPreTrainedModel):
    """What all HuBERT models share."""

    config_class = HubertConfig
    config: HubertConfig
    base_model_prefix = "hubert"


class HubertModel(HubertPreTrainedModel, SpeechModel):
    """The body of HuBERT."""

    def new_projection(self) -> family.FeatureProjection:
        return family.FeatureProjection(self.config, normed=self.config.feat_proj_layer_norm)

    def new_positions(self) -> nn.Module:
        if self.config.conv_pos_batch_norm:
            return family.NormedConvPositions(self.config)
        return family.WeightNormConvPositions(self.config)


class HubertHead(HubertPreTrainedModel, SpeechHead):
    """A head on `HubertModel`."""

    body_class = HubertModel


class HubertForCTC(HubertHead, SpeechForCTC):
    """Scores of symbols for each frame."""


class HubertForSequenceClassification(HubertHead, SpeechForSequenceClassification):
    """A class for a recording, by the mean of its frames."""
