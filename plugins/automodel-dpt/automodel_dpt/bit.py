"""BiT: a ResNet whose convolutions have standardised weights, and whose norms are of groups."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_dpt.configuration import BitConfig

if TYPE_CHECKING:
    from typing_extensions import Unpack


def rounded_channels(channels: float, multiple: int = 8) -> int:
    """Return the nearest multiple, at least one, that takes away less than a tenth."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded if rounded >= 0.9 * channels else rounded + multiple


def convolution(
    config: BitConfig, sizes: tuple[int, int], kernel: int, stride: int = 1, dilation: int = 1
) -> layers.StandardisedConv2d:
    """Return a convolution from and to some channels, padded as the configuration says."""
    even = ((stride - 1) + dilation * (kernel - 1)) // 2
    paddings: dict[str | None, int | str] = {None: even, "VALID": 0, "SAME": "same"}
    return layers.StandardisedConv2d(
        *sizes,
        kernel,
        stride=stride,
        dilation=dilation,
        padding=paddings[config.global_padding],
        eps=1e-8,
    )


class BitNorm(nn.GroupNorm):
    """A group norm, and the activation behind it unless the sum that follows is activated."""

    def __init__(self, config: BitConfig, channels: int, *, activates: bool = True) -> None:
        super().__init__(config.num_groups, channels)
        self.activation = layers.activation(config.hidden_act if activates else "linear")

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(super().forward(maps))


class BitDownsample(nn.Module):
    """What enters a stage, at the size and with the channels that leave its first layer."""

    def __init__(self, conv: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = conv, norm

    def forward(self, maps: Tensor) -> Tensor:
        reduced: Tensor = self.norm(self.conv(maps))
        return reduced


class BitLayer(nn.Module):
    """Three convolutions, the middle one of fewer channels, added to what enters."""

    norms_first: ClassVar[bool]
    """Whether a norm comes before each convolution, or after it."""

    def __init__(
        self,
        config: BitConfig,
        sizes: tuple[int, int],
        *,
        stride: int,
        dilation: int,
        drop_path: float,
        is_first: bool,
    ) -> None:
        super().__init__()
        entering, leaving = sizes
        middle = rounded_channels(leaving * 0.25)
        steps = (entering, middle, middle, leaving)
        kept = steps[:-1] if self.norms_first else steps[1:]
        self.conv1 = convolution(config, (entering, middle), 1)
        self.conv2 = convolution(config, (middle, middle), 3, stride, dilation)
        self.conv3 = convolution(config, (middle, leaving), 1)
        self.norm1, self.norm2 = (BitNorm(config, size) for size in kept[:2])
        self.norm3 = BitNorm(config, kept[2], activates=self.norms_first)
        self.downsample: nn.Module = nn.Identity()
        if is_first:
            norm = nn.Identity() if self.norms_first else BitNorm(config, leaving, activates=False)
            self.downsample = BitDownsample(convolution(config, sizes, 1, stride), norm)
        self.drop_path = drop_path
        self.activation = layers.activation(config.hidden_act)


class BitPreActivationBottleneckLayer(BitLayer):
    """Norms before convolutions; what enters is added as it is, where its size fits."""

    norms_first = True

    def forward(self, maps: Tensor) -> Tensor:
        normed = self.norm1(maps)
        added = self.conv3(self.norm3(self.conv2(self.norm2(self.conv1(normed)))))
        is_first = isinstance(self.downsample, BitDownsample)
        kept: Tensor = self.downsample(normed) if is_first else maps
        return kept + layers.drop_path(added, self.drop_path, self.training)


class BitBottleneckLayer(BitLayer):
    """Norms after convolutions, and an activation of the sum, as ResNet has it."""

    norms_first = False

    def forward(self, maps: Tensor) -> Tensor:
        states = self.norm2(self.conv2(self.norm1(self.conv1(maps))))
        added = layers.drop_path(self.norm3(self.conv3(states)), self.drop_path, self.training)
        return self.activation(added + self.downsample(maps))


class BitStage(nn.Module):
    """Layers of one size."""

    def __init__(self, stage: Iterator[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*stage)

    def forward(self, maps: Tensor) -> Tensor:
        left: Tensor = self.layers(maps)
        return left


def stage_layers(
    config: BitConfig, number: int, sizes: tuple[int, int], dilation: int, stride: int
) -> Iterator[nn.Module]:
    """Yield the layers of a stage; the first one reduces the map."""
    is_bottleneck = config.layer_type == "bottleneck"
    kind = BitBottleneckLayer if is_bottleneck else BitPreActivationBottleneckLayer
    before = sum(config.depths[:number])
    drops = layers.drop_path_rates(config.drop_path_rate, sum(config.depths))[before:]
    for index in range(config.depths[number]):
        # A first layer is dilated less; before activations nothing is dilated at all.
        spread = dilation if index else 1 if dilation <= 2 else 2
        yield kind(
            config,
            sizes if index == 0 else (sizes[1], sizes[1]),
            stride=1 if index else stride,
            dilation=spread if is_bottleneck else 1,
            drop_path=drops[index],
            is_first=index == 0,
        )


class BitEncoder(layers.LayerStack):
    """Stages in turn: each halves the map, until it is ``output_stride`` times smaller."""

    def __init__(self, config: BitConfig) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        entering, reduced, dilation = config.embedding_size, 4, 1
        for number, size in enumerate(stage_sizes(config)):
            stride = 2 if number else 1
            if reduced >= config.output_stride:
                stride, dilation = 1, dilation * stride
            parts = stage_layers(config, number, (entering, size), dilation, stride)
            self.stages.append(BitStage(parts))
            entering, reduced = size, reduced * stride

    def forward(self, maps: Tensor) -> list[Tensor]:
        """Return what enters the first stage, and what leaves each."""
        states = [maps]
        for stage in self.stages:
            states.append(self.run(stage, states[-1]))
        return states


def stage_sizes(config: BitConfig) -> list[int]:
    """Return how many channels leave each stage."""
    sizes = config.hidden_sizes[: config.stage_count]
    return [rounded_channels(size * config.width_factor) for size in sizes]


class BitEmbeddings(nn.Module):
    """A wide convolution and a maximum, which make an image four times smaller."""

    def __init__(self, config: BitConfig) -> None:
        super().__init__()
        self.num_channels, size = config.num_channels, config.embedding_size
        self.convolution = convolution(config, (self.num_channels, size), 7, 2)
        has_norm = config.layer_type != "preactivation"
        self.norm = BitNorm(config, size) if has_norm else nn.Identity()
        self.border = 0 if config.global_padding == "SAME" else 1
        self.pads_by_size = config.embedding_dynamic_padding

    def forward(self, pixel_values: Tensor | None) -> Tensor:
        if pixel_values is None:
            raise InputError("give pixel_values")
        if pixel_values.dim() != 4 or pixel_values.shape[1] != self.num_channels:
            raise InputError(
                f"pixel_values must be (batch, {self.num_channels}, height, width), got "
                f"{tuple(pixel_values.shape)}"
            )
        maps = self.convolution(pixel_values.to(self.convolution.weight.dtype))
        maps = self.norm(F.pad(maps, [self.border] * 4))
        if self.pads_by_size:
            maps = layers.same_padding(maps, 3, 2)
        return F.max_pool2d(maps, 3, 2)


class BitPreTrainedModel(modeling.PreTrainedModel):
    """What all BiT models share: names of weights, and first values."""

    config_class = BitConfig
    config: BitConfig
    base_model_prefix: ClassVar[str] = "bit"
    main_input_name = "pixel_values"
    input_embeddings = "embedder"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return WeightNames({"bit": "model"} if cls.body else None)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            module.weight.uniform_(-bound, bound)
            module.bias.uniform_(-bound, bound)


class BitModel(BitPreTrainedModel):
    """The body: maps of stages, the last one normalised, and its mean."""

    def __init__(self, config: BitConfig) -> None:
        super().__init__(config)
        self.embedder = BitEmbeddings(config)
        self.encoder = BitEncoder(config)
        is_normed = config.layer_type == "preactivation"
        self.norm = BitNorm(config, stage_sizes(config)[-1]) if is_normed else nn.Identity()
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Return maps ``(batch, channels, rows, columns)`` of images of any size.

        There are no positions to interpolate.
        """
        states = self.encoder(self.embedder(pixel_values))
        last = self.norm(states[-1])
        return modeling.BaseModelOutput(
            last_hidden_state=last,
            pooler_output=F.adaptive_avg_pool2d(last, 1),
            hidden_states=tuple(states) if options.get("output_hidden_states") else None,
        )


class BitForImageClassification(BitPreTrainedModel, modeling.ImageModelForImageClassification):
    """A class for an image, by the mean of the last map."""

    input_embeddings = "model.embedder"

    def __init__(self, config: BitConfig) -> None:
        super().__init__(config)
        self.model = BitModel(config)
        size, labels = stage_sizes(config)[-1], config.num_labels
        scores = layers.linear(size, labels) if labels else nn.Identity()
        self.classifier = nn.Sequential(nn.Flatten(), scores)
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(body.pooler_output)
        return scores


class BitBackbone(modeling.BackboneMixin, BitPreTrainedModel):
    """The maps of stages, before any last norm."""

    config: BitConfig
    body = "model"
    input_embeddings = "model.embedder"
    has_attentions = False

    def __init__(self, config: BitConfig) -> None:
        super().__init__(config)
        self.model = BitModel(config)
        self.model.norm.requires_grad_(False)  # which no map goes through
        self.num_features = [config.embedding_size, *stage_sizes(config)]
        self.post_init()

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.BackboneOutput:
        """Return maps ``(batch, channels, rows, columns)`` of images of any size."""
        states = self.model.encoder(self.model.embedder(pixel_values))
        return modeling.BackboneOutput(
            self.chosen_maps(states),
            hidden_states=tuple(states) if options.get("output_hidden_states") else None,
        )
