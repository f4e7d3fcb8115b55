"""SegFormer: classes for images, and for pixels by a head that joins the maps of all stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_segformer.configuration import SegformerConfig
from automodel_segformer.encoder import MixTransformer, MixTransformerPreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SegformerPreTrainedModel(MixTransformerPreTrainedModel):
    """What all SegFormer models share."""

    config_class = SegformerConfig
    config: SegformerConfig
    base_model_prefix = "segformer"


class SegformerModel(SegformerPreTrainedModel, MixTransformer):
    """The body."""

    def last_states(self, last_map: Tensor) -> Tensor:
        """Return the last map, or its states in a row as the first checkpoints have them."""
        return last_map if self.config.reshape_last_stage else last_map.flatten(2).transpose(1, 2)


class SegformerForImageClassification(
    SegformerPreTrainedModel, modeling.ImageModelForImageClassification
):
    """A class for an image, by the mean of its last states."""

    input_embeddings = "model.stages.0.patches"

    def __init__(self, config: SegformerConfig) -> None:
        super().__init__(config)
        self.model = SegformerModel(config)
        self.classifier = layers.linear(config.hidden_sizes[-1], config.num_labels)
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        states = body.last_hidden_state
        mean = states.mean((2, 3)) if states.dim() == 4 else states.mean(1)
        scores: Tensor = self.classifier(mean)
        return scores


class StageProjection(nn.Module):
    """The map of a stage, with as many channels as those of all others get."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.proj = layers.linear(size, channels)

    def forward(self, maps: Tensor) -> Tensor:
        return layers.project(self.proj, maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SegformerDecodeHead(nn.Module):
    """Score the classes of each place of the first map, by the maps of all stages."""

    def __init__(self, config: SegformerConfig) -> None:
        super().__init__()
        channels, stages = config.decoder_hidden_size, config.num_encoder_blocks
        self.linear_c = nn.ModuleList(
            StageProjection(size, channels) for size in config.hidden_sizes
        )
        self.linear_fuse = nn.Conv2d(channels * stages, channels, kernel_size=1, bias=False)
        self.batch_norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = nn.Conv2d(channels, config.num_labels, kernel_size=1)

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Return ``(batch, labels, rows, columns)`` of the first map."""
        size = maps[0].shape[-2:]
        projected = [
            F.interpolate(project(each), size, mode="bilinear", align_corners=False)
            for project, each in zip(self.linear_c, maps, strict=True)
        ]
        # The checkpoints have the channels of the last stage first.
        fused = F.relu(self.batch_norm(self.linear_fuse(torch.cat(projected[::-1], dim=1))))
        scores: Tensor = self.classifier(self.dropout(fused))
        return scores


class SegformerForSemanticSegmentation(SegformerPreTrainedModel, modeling.ImageModelHead):
    """A class for each place of the first stage's map, a quarter of the image in each direction."""

    model: SegformerModel
    input_embeddings = "model.stages.0.patches"

    def __init__(self, config: SegformerConfig) -> None:
        super().__init__(config)
        self.model = SegformerModel(config)
        self.decode_head = SegformerDecodeHead(config)
        self.post_init()

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
        shown: Any = {**options, "output_hidden_states": True}
        body = self.model(pixel_values, **shown)
        logits = self.decode_head(self.maps(body.hidden_states or (), pixel_values))
        loss = None
        if labels is not None:
            ignored = self.config.semantic_loss_ignore_index
            loss = modeling.pixel_class_loss(logits, labels, ignored)
        if not options.get("output_hidden_states"):
            body.hidden_states = None
        return modeling.SemanticSegmenterOutput.of(body, loss=loss, logits=logits)

    def maps(self, states: tuple[Tensor, ...], pixel_values: Any) -> tuple[Tensor, ...]:
        """Return the states of all stages as maps, where the last ones are in a row."""
        *earlier, last = states
        if last.dim() == 4:
            return states
        before = earlier[-1] if earlier else pixel_values
        stage: Any = self.model.stages[-1]
        rows, columns = stage.patches.grid(*before.shape[-2:])
        return (*earlier, last.transpose(1, 2).unflatten(2, (rows, columns)))
