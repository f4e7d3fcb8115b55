"""Swin as MaskFormer's files have it: each stage's map with a norm, by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.swin import SwinStage, as_maps
from automodel_maskformer.configuration import MaskFormerSwinConfig
from automodel_swin import SwinModel

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class MaskFormerSwinModelOutputWithPooling(modeling.BaseModelOutput):
    """States of the last stage's patches, and their mean as ``pooler_output``.

    ``hidden_states`` are those of the embeddings and of each stage, merged already, on grids of
    ``hidden_states_spatial_dimensions``.
    """

    hidden_states_spatial_dimensions: tuple[tuple[int, int], ...] | None = None


class MaskFormerSwinModel(SwinModel):
    """Swin, whose windows are always padded to their size and shifted."""

    config_class = MaskFormerSwinConfig
    config: MaskFormerSwinConfig
    base_model_prefix = "model"

    def new_stage(self, number: int, drop_paths: list[float], **layer: Any) -> SwinStage:
        return super().new_stage(number, drop_paths, in_files=True, **layer)

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> MaskFormerSwinModelOutputWithPooling:
        """Run images ``(batch, channels, height, width)`` of any size through the stages."""
        wanted = modeling.wanted_states(options)
        stages = self.see(
            pixel_values,
            interpolate=bool(interpolate_pos_encoding),
            fitted=False,
            output_attentions=wanted["output_attentions"],
        )
        last = self.norm(stages.states[-1].flatten(1, 2))
        shown = stages.shown(**wanted)
        return MaskFormerSwinModelOutputWithPooling(
            last_hidden_state=last,
            pooler_output=last.mean(dim=1) if self.add_pooling_layer else None,
            hidden_states=shown.get("hidden_states"),
            attentions=shown.get("attentions"),
            hidden_states_spatial_dimensions=tuple(
                (states.shape[1], states.shape[2]) for states in stages.states
            ),
        )


class MaskFormerSwinBackbone(modeling.BackboneMixin):
    """Maps of stages before their patches merge, each with a norm but for that of the stem."""

    config_class = MaskFormerSwinConfig
    config: MaskFormerSwinConfig
    base_model_prefix = "model"
    body = "model"
    input_embeddings = "model.embed.patches"

    def __init__(self, config: MaskFormerSwinConfig) -> None:
        super().__init__(config)
        self.model = MaskFormerSwinModel(config, add_pooling_layer=False)
        self.model.norm.requires_grad_(False)  # files have it, and maps have norms of their own
        sizes = [config.stage_size(stage) for stage in range(len(config.depths))]
        self.num_features = [config.embed_dim, *sizes]
        self.hidden_states_norms = nn.ModuleList(layers.layer_norm(size) for size in sizes)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return MaskFormerSwinModel.weight_names(config).nested("model", "model")

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.BackboneOutput:
        """Return maps ``(batch, size, rows, columns)`` of images of any size."""
        wanted = modeling.wanted_states(options)
        weights = wanted["output_attentions"]
        stages = self.model.see(pixel_values, fitted=False, output_attentions=weights)
        norms = [nn.Identity(), *self.hidden_states_norms]
        chosen = [norms[number](stages.unmerged[number]) for number in self.stage_numbers]
        return modeling.BackboneOutput(
            as_maps(chosen),
            hidden_states=as_maps(stages.unmerged) if wanted["output_hidden_states"] else None,
            attentions=tuple(stages.attentions) if weights else None,
        )
