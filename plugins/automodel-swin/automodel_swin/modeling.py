"""Swin: pre-norm layers within windows of patches, which merge from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import (
    SwinFamilyForImageClassification,
    SwinFamilyLayers,
    SwinFamilyPreTrainedModel,
    SwinModelOutput,
    as_maps,
)
from automodel_swin.configuration import SwinConfig
from automodel_swin.weights import backbone_names, swin_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class SwinMaskedImageModelingOutput(modeling.MaskedImageModelingOutput):
    """Reconstructed images, and states as in `SwinModelOutput`."""

    reshaped_hidden_states: tuple[Tensor, ...] | None = None


class SwinPreTrainedModel(SwinFamilyPreTrainedModel):
    """What all Swin models share: names of weights, and first values."""

    config_class = SwinConfig
    config: SwinConfig
    base_model_prefix: ClassVar[str] = "swin"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return swin_names(cls.base_model_prefix, cls.body)


class SwinModel(SwinPreTrainedModel, SwinFamilyLayers):
    """The body: embeddings, stages, a norm, and the mean unless ``add_pooling_layer`` is false."""

    config: SwinConfig

    def __init__(
        self, config: SwinConfig, add_pooling_layer: bool = True, use_mask_token: bool = False
    ) -> None:
        super().__init__(config, use_mask_token)
        size = config.stage_size(len(config.depths) - 1)
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.add_pooling_layer = add_pooling_layer
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        output_hidden_states_before_downsampling: bool = False,
        always_partition: bool = False,
        **options: Unpack[modeling.ForwardOptions],
    ) -> SwinModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the stages.

        ``bool_masked_pos`` ``(batch, patches)`` puts the mask in place of patches. Learned
        positions, where there are any, are interpolated with ``interpolate_pos_encoding``.
        ``reshaped_hidden_states`` may be those before patches merge. Windows that hold all of a
        small map are not padded and shifted, unless with ``always_partition``.
        """
        wanted = modeling.wanted_states(options)
        stages = self.see(
            pixel_values,
            bool_masked_pos,
            bool(interpolate_pos_encoding),
            fitted=not always_partition,
            output_attentions=wanted["output_attentions"],
        )
        shown = stages.shown(**wanted)
        if output_hidden_states_before_downsampling and wanted["output_hidden_states"]:
            shown["reshaped_hidden_states"] = as_maps(stages.unmerged)
        states = self.norm(stages.states[-1].flatten(1, 2))
        return SwinModelOutput(
            last_hidden_state=states,
            pooler_output=states.mean(dim=1) if self.add_pooling_layer else None,
            **shown,
        )


class SwinForImageClassification(SwinPreTrainedModel, SwinFamilyForImageClassification):
    """A class for an image, by the mean of its states."""

    body_class = SwinModel


class SwinForMaskedImageModeling(SwinPreTrainedModel, modeling.ImageModelForMaskedImageModeling):
    """The pixels of hidden patches, by the states of the last stage."""

    output = SwinMaskedImageModelingOutput
    input_embeddings = "model.embed.patches"
    body_class: ClassVar[type[SwinModel]] = SwinModel

    def __init__(self, config: SwinConfig) -> None:
        super().__init__(config)
        self.model = self.body_class(config, add_pooling_layer=False, use_mask_token=True)
        size, stride = config.stage_size(len(config.depths) - 1), config.encoder_stride or 1
        self.decoder = modeling.pixel_decoder(size, config.num_channels, stride)
        self.post_init()

    @property
    def merged_patches(self) -> int:
        return int(2 ** (len(self.config.depths) - 1))

    def grid_of(self, pixel_values: Tensor) -> tuple[int, int]:
        height, width = layers.edges(self.config.patch_size)
        merged = self.merged_patches
        rows, columns = pixel_values.shape[-2:]
        return -(-rows // (height * merged)), -(-columns // (width * merged))


class SwinFeatureMaps(modeling.BackboneMixin, SwinPreTrainedModel, SwinFamilyLayers):
    """The states of stages before their patches merge, as feature maps."""

    config: SwinConfig

    def __init__(self, config: SwinConfig) -> None:
        super().__init__(config)
        sizes = [config.stage_size(stage) for stage in range(len(config.depths))]
        self.num_features = [config.embed_dim, *sizes]

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return backbone_names(cls.base_model_prefix)

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.BackboneOutput:
        """Return maps ``(batch, size, rows, columns)`` of images of any size.

        Windows are always padded to their size and shifted, also where a map is smaller.
        """
        wanted = modeling.wanted_states(options)
        weights = wanted["output_attentions"]
        stages = self.see(pixel_values, fitted=False, output_attentions=weights)
        chosen = zip(self.out_features, self.chosen_maps(stages.unmerged), strict=True)
        maps = as_maps(self.finished(name, states) for name, states in chosen)
        return modeling.BackboneOutput(
            tuple(each.contiguous() for each in maps),
            hidden_states=self.shown(stages.unmerged) if wanted["output_hidden_states"] else None,
            attentions=tuple(stages.attentions) if weights else None,
        )

    def finished(self, name: str, states: Tensor) -> Tensor:
        """Return the states of a stage as its map has them."""
        return states

    def shown(self, states: list[Tensor]) -> tuple[Tensor, ...]:
        """Return the states of all stages as ``hidden_states``."""
        return tuple(each.flatten(1, 2) for each in states)


class SwinBackbone(SwinFeatureMaps):
    """The same, each map with a norm; the hidden states are maps too.

    A classifier's checkpoint has no such norms, and a stage that is chosen later has none: there
    they neither scale nor shift.
    """

    optional_weights = ("hidden_states_norms",)

    def __init__(self, config: SwinConfig) -> None:
        super().__init__(config)
        channels = self.out_feature_channels
        self.hidden_states_norms = nn.ModuleDict(
            {name: layers.layer_norm(channels[name]) for name in self.out_features}
        )
        self.post_init()

    def finished(self, name: str, states: Tensor) -> Tensor:
        if name not in self.hidden_states_norms:
            return F.layer_norm(states, states.shape[-1:])
        normed: Tensor = self.hidden_states_norms[name](states)
        return normed

    def shown(self, states: list[Tensor]) -> tuple[Tensor, ...]:
        return as_maps(states)
