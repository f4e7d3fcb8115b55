"""DPT: depths and classes of pixels, from the states of ViT's layers or of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.families.vit import vit_layer
from automodel_dpt.configuration import DPTConfig
from automodel_dpt.neck import dpt_neck
from automodel_dpt.weights import dpt_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class DPTModelOutput(modeling.ModelOutput):
    """The states of the body; a hybrid's has the first maps of its backbone too."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    intermediate_activations: tuple[Tensor, ...] | None = None


@dataclass
class DPTStates:
    """What a head reads: states or maps for the neck, over a grid of patches, and what to show."""

    neck: Sequence[Tensor]
    grid: tuple[int, int]
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


class DPTEmbeddings(layers.PatchPositions):
    """A learned token, then the patches of an image, each with a learned position."""

    def __init__(self, config: DPTConfig) -> None:
        grid = layers.patch_grid(config.image_size or 1, config.patch_size or 1)
        dropout = config.hidden_dropout_prob or 0.0
        super().__init__(config.hidden_size, grid, mode="bilinear", dropout=dropout)
        self.add_patches(config)

    def add_patches(self, config: DPTConfig) -> None:
        """Add what turns an image into patches."""
        channels, size = config.num_channels or 3, config.patch_size or 1
        self.patch_embeddings = layers.PatchEmbedding(channels, config.hidden_size, size)
        self.patch_size = layers.edges(size)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, tuple[int, int], tuple[Tensor, ...]]:
        """Return ``(batch, 1 + patches, hidden_size)``, the grid, and maps of a backbone if any."""
        height, width = pixel_values.shape[-2:]
        grid = layers.patch_grid((height, width), self.patch_size)
        return self.placed(self.patch_embeddings(pixel_values), grid), grid, ()


class DPTHybridEmbeddings(DPTEmbeddings):
    """A learned token, then the places of a backbone's last map."""

    def add_patches(self, config: DPTConfig) -> None:
        self.backbone = modeling.load_backbone(config)
        channels = self.backbone.channels
        if len(channels) != 3:
            raise InputError(
                f"a hybrid reads 3 maps of its backbone, and out_features names {len(channels)}"
            )
        self.projection = nn.Conv2d(channels[-1], config.hidden_size, kernel_size=1)
        self.dropout = 0.0

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, tuple[int, int], tuple[Tensor, ...]]:
        *first, last = self.backbone(pixel_values).feature_maps
        rows, columns = last.shape[-2:]
        patches = self.projection(last).flatten(2).transpose(1, 2)
        return self.placed(patches, (rows, columns)), (rows, columns), tuple(first)


class DPTPreTrainedModel(modeling.PreTrainedModel):
    """What all DPT models share: names of weights."""

    config_class = DPTConfig
    config: DPTConfig
    base_model_prefix: ClassVar[str] = "dpt"
    main_input_name = "pixel_values"
    input_embeddings = "embeddings"
    optional_weights = ("pooler",)

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return dpt_names(config, cls.body, is_on_backbone=cls.is_on_backbone(config))

    @classmethod
    def is_on_backbone(cls, config: DPTConfig) -> bool:
        """Return whether a backbone takes the place of the layers."""
        return not config.has_own_layers


class DPTModel(DPTPreTrainedModel):
    """The body: embeddings, layers, a norm, and a pooler unless ``add_pooling_layer`` is false."""

    def __init__(self, config: DPTConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        size = config.hidden_size
        kind = DPTHybridEmbeddings if config.is_hybrid else DPTEmbeddings
        self.embeddings = kind(config)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(vit_layer, config), config.num_hidden_layers or 0)
        )
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps or 0.0)
        self.pooler = (
            modeling.Pooler(size, config.pooler_output_size, config.pooler_act)
            if add_pooling_layer
            else None
        )
        self.post_init()

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> DPTModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the layers.

        The hidden states are those before the last norm.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        embedded, _, maps = self.embeddings(pixel_values)
        output = self.stack(embedded, **modeling.wanted_states(options))
        states = self.norm(output.last_hidden_state)
        return DPTModelOutput(
            last_hidden_state=states,
            pooler_output=None if self.pooler is None else self.pooler(states),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            intermediate_activations=maps or None,
        )

    def states_for_neck(
        self, pixel_values: Tensor, output_attentions: bool, output_hidden_states: bool
    ) -> DPTStates:
        """Return the states that leave the chosen layers, after the maps of a hybrid's backbone."""
        embedded, grid, maps = self.embeddings(pixel_values)
        chosen = self.config.backbone_out_indices or []
        numbers = sorted({index + 1 for index in chosen[len(maps) :] if index >= 0})
        output = self.stack(
            embedded,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states or numbers,
        )
        states = output.hidden_states
        if not output_hidden_states:
            return DPTStates((*maps, *states), grid, None, output.attentions)
        read = [states[number] for number in numbers]
        return DPTStates((*maps, *read), grid, states, output.attentions)


class DPTHead(DPTPreTrainedModel):
    """A neck on the body, or on the backbone that takes its place."""

    body = "dpt"
    input_embeddings = "dpt.embeddings"

    def __init__(self, config: DPTConfig) -> None:
        super().__init__(config)
        self.reads_maps = self.is_on_backbone(config)
        if not self.reads_maps:
            self.dpt = DPTModel(config, add_pooling_layer=False)
            self.dpt.norm.requires_grad_(False)  # no head reads what leaves the last norm
        else:
            self.backbone = modeling.load_backbone(config)
            self.body = "backbone"
            self.input_embeddings = f"backbone.{self.backbone.input_embeddings}"
        self.neck = dpt_neck(config)

    def fused(
        self, pixel_values: Tensor | None, options: modeling.ForwardOptions
    ) -> tuple[list[Tensor], DPTStates]:
        """Return the fused maps, the finest last, and the states that they come from."""
        if pixel_values is None:
            raise InputError("give pixel_values")
        if not self.reads_maps:
            wanted = modeling.wanted_states(options)
            states = self.dpt.states_for_neck(pixel_values, **wanted)
        else:
            output = self.backbone.forward_with_filtered_kwargs(pixel_values, **options)
            height, width = pixel_values.shape[-2:]
            grid = layers.patch_grid((height, width), self.backbone.config.patch_size)
            states = DPTStates(output.feature_maps, grid, output.hidden_states, output.attentions)
        return self.neck(states.neck, states.grid), states


class DPTDepthEstimationHead(nn.Module):
    """Three convolutions, the last two at twice the size of the finest map."""

    def __init__(self, config: DPTConfig) -> None:
        super().__init__()
        size = config.fusion_hidden_size
        project = nn.Conv2d(size, size, kernel_size=3, padding=1)
        self.projection = project if config.add_projection else None
        self.head = nn.Sequential(
            nn.Conv2d(size, size // 2, kernel_size=3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(size // 2, 32, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 1, kernel_size=1),
            nn.ReLU(),
        )

    def forward(self, fused: Tensor) -> Tensor:
        """Return depths ``(batch, 2 * rows, 2 * columns)``."""
        if self.projection is not None:
            fused = self.projection(fused).relu()
        depth: Tensor = self.head(fused)
        return depth.squeeze(1)


class DPTForDepthEstimation(DPTHead):
    """The depth of each pixel of an image: inverse, and known up to scale and shift."""

    def __init__(self, config: DPTConfig) -> None:
        super().__init__(config)
        self.head = DPTDepthEstimationHead(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.DepthEstimatorOutput:
        """Estimate the depth of images ``(batch, channels, height, width)``."""
        fused, states = self.fused(pixel_values, options)
        return modeling.DepthEstimatorOutput(
            predicted_depth=self.head(fused[self.config.head_in_index]),
            hidden_states=states.hidden_states,
            attentions=states.attentions,
        )


class DPTSegmentationHead(nn.Module):
    """A convolution, a norm, and a score of each class, enlarged by what ``after`` does."""

    def __init__(self, config: DPTConfig, dropout: float, *after: nn.Module) -> None:
        super().__init__()
        size = config.fusion_hidden_size
        self.head = nn.Sequential(
            nn.Conv2d(size, size, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(size),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(size, config.num_labels, kernel_size=1),
            *after,
        )

    def forward(self, fused: Tensor) -> Tensor:
        """Return scores ``(batch, labels, rows, columns)``."""
        scores: Tensor = self.head(fused)
        return scores


class DPTForSemanticSegmentation(DPTHead):
    """A class for each pixel of an image; in training, a second head scores the same maps."""

    def __init__(self, config: DPTConfig) -> None:
        super().__init__(config)
        double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.head = DPTSegmentationHead(config, config.semantic_classifier_dropout, double)
        self.auxiliary_head = (
            DPTSegmentationHead(config, 0.1) if config.use_auxiliary_head else None
        )
        self.post_init()

    @classmethod
    def is_on_backbone(cls, config: DPTConfig) -> bool:
        """Return false: files have layers of DPT's own, whatever backbone is named in them."""
        return False

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.SemanticSegmenterOutput:
        """Score the pixels of images ``(batch, channels, height, width)``.

        ``labels`` ``(batch, height, width)`` are classes; those of ``semantic_loss_ignore_index``
        do not count.
        """
        fused, states = self.fused(pixel_values, options)
        logits = self.head(fused[self.config.head_in_index])
        loss = None
        if labels is not None:
            ignored = self.config.semantic_loss_ignore_index
            loss = modeling.pixel_class_loss(logits, labels, ignored)
            if self.auxiliary_head is not None:
                second = modeling.pixel_class_loss(self.auxiliary_head(fused[-1]), labels, ignored)
                loss = loss + self.config.auxiliary_loss_weight * second
        return modeling.SemanticSegmenterOutput(
            loss=loss,
            logits=logits,
            hidden_states=states.hidden_states,
            attentions=states.attentions,
        )
