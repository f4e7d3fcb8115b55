"""SuperPoint: points of interest in images, by convolutions, and a descriptor for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_superpoint.configuration import CELL, SuperPointConfig

if TYPE_CHECKING:
    from typing_extensions import Unpack

REPAIRS = 2
"""How often points are looked for again where those found suppress no others."""


@dataclass
class SuperPointKeypointDescriptionOutput(modeling.ModelOutput):
    """Points of images, padded to as many as the image with most has.

    ``keypoints`` ``(batch, points, 2)`` are x and y, relative to width and height, in float32;
    ``scores`` ``(batch, points)``, ``descriptors`` ``(batch, points, size)`` of length 1, and
    ``mask`` ``(batch, points)``, 0 for padding. ``hidden_states`` are the maps of the blocks.
    """

    loss: Tensor | None = None
    keypoints: Tensor = modeling.FILLED
    scores: Tensor = modeling.FILLED
    descriptors: Tensor = modeling.FILLED
    mask: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None


class SuperPointBlock(nn.Module):
    """Two convolutions over neighbours, and the largest of four numbers if ``halves``."""

    def __init__(self, channels: int, size: int, halves: bool) -> None:
        super().__init__()
        self.conv_a = nn.Conv2d(channels, size, 3, padding=1)
        self.conv_b = nn.Conv2d(size, size, 3, padding=1)
        self.halves = halves

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.conv_b(self.conv_a(maps).relu_()).relu_()
        return F.max_pool2d(maps, 2) if self.halves else maps


class SuperPointEncoder(layers.LayerStack):
    """Blocks that make a map of cells; all but the last halve height and width."""

    def __init__(self, config: SuperPointConfig) -> None:
        super().__init__()
        sizes = config.encoder_hidden_sizes
        self.conv_blocks = nn.ModuleList(
            SuperPointBlock(channels, size, halves=index < len(sizes) - 1)
            for index, (channels, size) in enumerate(zip([1, *sizes], sizes, strict=False))
        )

    def forward(self, grey: Tensor) -> list[Tensor]:
        """Return what leaves each block, for ``(batch, 1, height, width)``."""
        maps = [grey]
        for block in self.conv_blocks:
            maps.append(self.run(block, maps[-1]))
        return maps[1:]


class SuperPointInterestPointDecoder(nn.Module):
    """Score the pixels of each cell, and find the points among them."""

    def __init__(self, config: SuperPointConfig) -> None:
        super().__init__()
        self.config = config
        size = config.decoder_hidden_size
        self.conv_score_a = nn.Conv2d(config.encoder_hidden_sizes[-1], size, 3, padding=1)
        self.conv_score_b = nn.Conv2d(size, config.keypoint_decoder_dim, 1)

    def forward(self, cells: Tensor) -> Tensor:
        """Return scores ``(batch, height, width)``, zero but for the best of their neighbours."""
        chances = self.conv_score_b(self.conv_score_a(cells).relu_()).softmax(dim=1)
        pixels = F.pixel_shuffle(chances[:, :-1], CELL)
        return best_of_neighbours(pixels[:, 0], self.config.nms_radius)

    def points(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points ``(points, 2)`` of one image, x and y, and their scores."""
        border, (height, width) = self.config.border_removal_distance, scores.shape
        rows, columns = (scores > self.config.keypoint_threshold).nonzero(as_tuple=True)
        inside = (rows >= border) & (columns >= border)
        if self.config.border_on_all_sides:
            inside = inside & (rows < height - border) & (columns < width - border)
        rows, columns = rows[inside], columns[inside]
        found = scores[rows, columns]
        if 0 <= self.config.max_keypoints < len(found):
            found, best = found.topk(self.config.max_keypoints)
            rows, columns = rows[best], columns[best]
        return torch.stack([columns, rows], dim=1).float(), found


class SuperPointDescriptorDecoder(nn.Module):
    """Describe cells, and the points between them."""

    def __init__(self, config: SuperPointConfig) -> None:
        super().__init__()
        size = config.decoder_hidden_size
        self.conv_descriptor_a = nn.Conv2d(config.encoder_hidden_sizes[-1], size, 3, padding=1)
        self.conv_descriptor_b = nn.Conv2d(size, config.descriptor_decoder_dim, 1)

    def forward(self, cells: Tensor) -> Tensor:
        """Return a vector of length 1 for each cell, ``(batch, size, rows, columns)``."""
        return F.normalize(self.conv_descriptor_b(self.conv_descriptor_a(cells).relu_()), dim=1)

    def at(self, points: Tensor, described: Tensor) -> Tensor:
        """Return vectors ``(points, size)`` for the points of one image, by its cells."""
        # In float32: coordinates in half precision would be other points.
        edges = torch.tensor(described.shape[:0:-1], device=points.device)
        places = 2 * (points - (CELL - 1) / 2) / (CELL * edges - (CELL + 1) / 2) - 1
        sampled = F.grid_sample(described[None].float(), places[None, None], align_corners=True)
        return F.normalize(sampled[0, :, 0].t(), dim=1).to(described.dtype)


class SuperPointPreTrainedModel(modeling.PreTrainedModel):
    """What SuperPoint's models share."""

    config_class = SuperPointConfig
    config: SuperPointConfig
    base_model_prefix = "superpoint"
    main_input_name = "pixel_values"
    input_embeddings = "encoder.conv_blocks.0.conv_a"


class SuperPointForKeypointDetection(SuperPointPreTrainedModel):
    """Points of interest in images, and a descriptor for each; it is for inference."""

    def __init__(self, config: SuperPointConfig) -> None:
        super().__init__(config)
        self.encoder = SuperPointEncoder(config)
        self.keypoint_decoder = SuperPointInterestPointDecoder(config)
        self.descriptor_decoder = SuperPointDescriptorDecoder(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> SuperPointKeypointDescriptionOutput:
        """Find points in images ``(batch, 1 or 3, height, width)``, by their first channel."""
        if pixel_values is None or pixel_values.dim() != 4:
            shape = None if pixel_values is None else tuple(pixel_values.shape)
            raise InputError(f"pixel_values must be (batch, channels, height, width), got {shape}")
        height, width = pixel_values.shape[-2:]
        maps = self.encoder(pixel_values[:, :1].to(self.dtype))
        scores, described = self.keypoint_decoder(maps[-1]), self.descriptor_decoder(maps[-1])
        found = [self.keypoint_decoder.points(each) for each in scores]
        vectors = [
            self.descriptor_decoder.at(points, each)
            for (points, _), each in zip(found, described, strict=True)
        ]
        keypoints = pad_sequence([points for points, _ in found], batch_first=True)
        ones = [torch.ones(len(points), dtype=torch.int32) for points, _ in found]
        return SuperPointKeypointDescriptionOutput(
            keypoints=keypoints / keypoints.new_tensor([width, height]),
            scores=pad_sequence([chances for _, chances in found], batch_first=True),
            descriptors=pad_sequence(vectors, batch_first=True),
            mask=pad_sequence(ones, batch_first=True).to(keypoints.device),
            hidden_states=tuple(maps) if options.get("output_hidden_states") else None,
        )


def best_of_neighbours(scores: Tensor, radius: int) -> Tensor:
    """Return scores ``(batch, height, width)``, zero but for the largest within a radius.

    What is suppressed by no point that is kept gets a chance again, `REPAIRS` times.
    """

    def largest(values: Tensor) -> Tensor:
        return F.max_pool2d(values, 2 * radius + 1, stride=1, padding=radius)

    kept = scores == largest(scores)
    for _ in range(REPAIRS):
        near = largest(kept.to(scores.dtype)) > 0
        rest = scores.masked_fill(near, 0.0)
        kept = kept | ((rest == largest(rest)) & ~near)
    return scores.masked_fill(~kept, 0.0)
