"""ResNet: stages of residual convolutions, each with a map of half the size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_resnet.configuration import ResNetConfig
from automodel_resnet.weights import resnet_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

REDUCTION = 4
"""How many times fewer channels the middle of a bottleneck has."""


class ResNetStem(nn.Module):
    """A wide convolution and a maximum, after which a map has a quarter of the image's edges."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.conv = layers.NormedConv(
            config.num_channels, config.embedding_size, 7, 2, activation=config.hidden_act
        )
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def forward(self, pixel_values: Tensor | None) -> Tensor:
        first = self.conv.convolution
        if pixel_values is None:
            raise InputError("give pixel_values")
        if pixel_values.dim() != 4 or pixel_values.shape[1] != first.in_channels:
            raise InputError(
                f"pixel_values must be (batch, {first.in_channels}, height, width), got "
                f"{tuple(pixel_values.shape)}"
            )
        maps: Tensor = self.pool(self.conv(pixel_values.to(first.weight.dtype)))
        return maps


class ResNetLayer(nn.Module):
    """Convolutions whose output is added to their input."""

    def __init__(
        self,
        config: ResNetConfig,
        channels: int,
        outputs: int,
        stride: int = 1,
        dilations: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        near, far = dilations
        # Within a layer the activation is ReLU, whatever the configuration says.
        if config.layer_type == "basic":
            steps = [
                layers.NormedConv(channels, outputs, 3, stride, near),
                layers.NormedConv(outputs, outputs, 3, 1, far, None),
            ]
        else:
            inner = outputs // REDUCTION
            strides = (stride, 1) if config.downsample_in_bottleneck else (1, stride)
            steps = [
                layers.NormedConv(channels, inner, 1, strides[0]),
                layers.NormedConv(inner, inner, 3, strides[1], near),
                layers.NormedConv(inner, outputs, 1, 1, 1, None),
            ]
        self.convs = nn.Sequential(*steps)
        self.shortcut = (
            layers.NormedConv(channels, outputs, 1, stride, activation=None)
            if channels != outputs or stride != 1
            else nn.Identity()
        )
        self.activation = layers.activation_layer(config.hidden_act)

    def forward(self, maps: Tensor) -> Tensor:
        added: Tensor = self.activation(self.convs(maps).add_(self.shortcut(maps)))
        return added


class ResNetStage(layers.LayerStack):
    """Layers of which the first changes the size and the number of channels."""

    def __init__(
        self, config: ResNetConfig, stage: int, stride: int, dilations: tuple[int, int]
    ) -> None:
        super().__init__()
        before = [config.embedding_size, *config.hidden_sizes][stage]
        size, depth = config.hidden_sizes[stage], config.depths[stage]
        wide = dilations[1]
        first = ResNetLayer(config, before, size, stride, dilations)
        others = [ResNetLayer(config, size, size, dilations=(wide, wide)) for _ in range(1, depth)]
        self.layers = nn.ModuleList([first, *others])

    def forward(self, maps: Tensor) -> Tensor:
        for layer in self.layers:
            maps = self.run(layer, maps)
        return maps


def make_stages(config: ResNetConfig) -> nn.ModuleList:
    """Return the stages; beyond the ``output_stride``, they dilate instead of striding."""
    reached, dilation, stages = 4, 1, nn.ModuleList()
    for stage in range(len(config.depths)):
        stride = 1 if stage == 0 and not config.downsample_in_first_stage else 2
        former = dilation
        if stride > 1 and reached >= config.output_stride:
            dilation, stride = dilation * stride, 1
        reached *= stride
        stages.append(ResNetStage(config, stage, stride, (former, dilation)))
    return stages


class ResNetPreTrainedModel(modeling.PreTrainedModel):
    """What all ResNet models share: names of weights, and first values."""

    config_class = ResNetConfig
    config: ResNetConfig
    base_model_prefix = "resnet"
    main_input_name = "pixel_values"
    input_embeddings = "stem.conv.convolution"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return resnet_names(cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            module.reset_parameters()
        else:
            super().init_module(module)


class ResNetBody(ResNetPreTrainedModel):
    """The stem and the stages, for models that read some or all of their maps."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(config)
        self.stem = ResNetStem(config)
        self.stages = make_stages(config)
        self.post_init()

    def maps(self, pixel_values: Tensor | None) -> list[Tensor]:
        """Return the maps of the stem and of all stages."""
        maps = [self.stem(pixel_values)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps


class ResNetModel(ResNetBody):
    """The body, and the mean of its last map."""

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the stages.

        There are no positions, and nothing for ``interpolate_pos_encoding`` to do. The last state
        is a map ``(batch, channels, rows, columns)``, and the pooled one ``(batch, channels, 1,
        1)``.
        """
        maps = self.maps(pixel_values)
        return modeling.BaseModelOutput(
            last_hidden_state=maps[-1],
            pooler_output=maps[-1].mean((2, 3), keepdim=True),
            hidden_states=tuple(maps) if options.get("output_hidden_states") else None,
        )


class ResNetForImageClassification(
    ResNetPreTrainedModel, modeling.ImageModelForImageClassification
):
    """A class for an image, by the mean of its last map."""

    input_embeddings = "model.stem.conv.convolution"

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(config)
        self.model = ResNetModel(config)
        size, labels = config.hidden_sizes[-1], config.num_labels
        self.classifier = layers.linear(size, labels) if labels else nn.Identity()
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(body.pooler_output.flatten(1))  # type: ignore[union-attr]
        return scores


class ResNetBackbone(modeling.BackboneMixin, ResNetBody):
    """The maps of the stages that the configuration chooses."""

    config: ResNetConfig
    has_attentions = False

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(config)
        self.num_features = [config.embedding_size, *config.hidden_sizes]

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BackboneOutput:
        """Return feature maps of images ``(batch, channels, height, width)``."""
        maps = self.maps(pixel_values)
        return modeling.BackboneOutput(
            feature_maps=self.chosen_maps(maps),
            hidden_states=tuple(maps) if options.get("output_hidden_states") else None,
        )
