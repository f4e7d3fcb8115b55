"""A stranger's backbone serves models that never heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from automodel_core import AutoBackbone, registry
from automodel_core.configuration import (
    AnyConfig,
    BackboneConfigMixin,
    OutFeatures,
    OutIndices,
    WithBackboneConfig,
)
from automodel_core.errors import InputError, UnsupportedTaskError
from automodel_core.modeling import (
    BackboneMixin,
    BackboneOutput,
    DepthEstimatorOutput,
    ForwardOptions,
    PreTrainedModel,
    load_backbone,
    model_call,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

PIXELS = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))


class StairConfig(BackboneConfigMixin):
    model_type = "test-stair"

    widths: Sequence[int] = (4, 6, 10)
    num_channels: int = 3
    image_size: int = 8
    initializer_range: float = 0.3
    out_features: OutFeatures = None
    out_indices: OutIndices = None

    @property
    def stage_count(self) -> int:
        return len(self.widths) - 1


class StairBackbone(BackboneMixin):
    config_class = StairConfig
    config: StairConfig
    base_model_prefix = "stair"
    has_attentions = False

    def __init__(self, config: StairConfig) -> None:
        super().__init__(config)
        self.num_features = config.widths
        sizes = [config.num_channels, *config.widths]
        self.steps = nn.ModuleList(
            nn.Conv2d(size, wide, 2, stride=2) for size, wide in pairwise(sizes)
        )
        self.post_init()

    @model_call
    def forward(self, pixel_values: Tensor, **options: Unpack[ForwardOptions]) -> BackboneOutput:
        maps = [pixel_values.to(self.dtype)]
        for step in self.steps:
            maps.append(step(maps[-1]).tanh())
        return BackboneOutput(
            self.chosen_maps(maps[1:]),
            hidden_states=tuple(maps[1:]) if options.get("output_hidden_states") else None,
        )


class PitConfig(WithBackboneConfig):
    model_type = "test-pit"

    backbone_config: AnyConfig | None = None
    initializer_range: float = 0.3


class PitForDepthEstimation(PreTrainedModel):
    config_class = PitConfig
    config: PitConfig
    main_input_name = "pixel_values"

    def __init__(self, config: PitConfig) -> None:
        super().__init__(config)
        self.backbone = load_backbone(config)
        self.head = nn.Conv2d(sum(self.backbone.channels), 1, 1)
        self.post_init()

    @model_call
    def forward(
        self, pixel_values: Tensor, **options: Unpack[ForwardOptions]
    ) -> DepthEstimatorOutput:
        output = self.backbone.forward_with_filtered_kwargs(pixel_values, **options)
        maps = [
            nn.functional.interpolate(each, pixel_values.shape[-2:]) for each in output.feature_maps
        ]
        depth = self.head(torch.cat(maps, 1)).squeeze(1)
        return DepthEstimatorOutput(predicted_depth=depth, hidden_states=output.hidden_states)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", type(registry._registry)([], {}))
    for config in (StairConfig, PitConfig):
        registry.architectures.register_config(config.model_type, config)
    registry.architectures.register_model("backbone", StairConfig, StairBackbone)
    registry.architectures.register_model("depth-estimation", PitConfig, PitForDepthEstimation)


def test_maps_are_those_of_the_chosen_stages() -> None:
    model = AutoBackbone.from_config(StairConfig(out_features=["stem", "stage2"])).eval()
    assert type(model) is StairBackbone
    assert (model.out_indices, model.channels) == ([0, 2], [4, 10])
    assert model.out_feature_channels == {"stem": 4, "stage1": 6, "stage2": 10}
    maps = model(PIXELS).feature_maps
    assert [tuple(each.shape) for each in maps] == [(2, 4, 4, 6), (2, 10, 1, 1)]
    model.out_indices = (-2,)
    assert model.out_features == model.config.out_features == ["stage1"]
    assert model.channels == [6]
    every = model(PIXELS, output_hidden_states=True)
    assert torch.equal(every.feature_maps[0], every.hidden_states[1])
    model.out_features = ["stem"]
    assert torch.equal(model(PIXELS, return_dict=False)[0][0], maps[0])


def test_a_checkpoint_gives_other_maps_if_asked(tmp_path: Path) -> None:
    model = AutoBackbone.from_config(StairConfig()).eval()
    model.save_pretrained(tmp_path)
    again = AutoBackbone.from_pretrained(
        tmp_path, out_indices=(0, -1), use_timm_backbone=False, use_pretrained_backbone=True
    )
    assert again.out_features == ["stem", "stage2"]
    assert torch.equal(again(PIXELS).feature_maps[1], model(PIXELS).feature_maps[0])
    with pytest.raises(InputError, match="timm's models are not loaded"):
        AutoBackbone.from_pretrained("resnet50", use_timm_backbone=True)


def test_a_model_around_it_holds_its_weights(tmp_path: Path) -> None:
    config = PitConfig(backbone_config=StairConfig(out_features=["stem", "stage1"]))
    model = PitForDepthEstimation(config).eval()
    model.save_pretrained(tmp_path)
    assert "backbone.steps.0.weight" in model.hub_state_dict()
    again, info = PitForDepthEstimation.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    assert again.config.backbone_config.out_features == ["stem", "stage1"]
    assert again.config.backbone_config is again.backbone.config
    assert torch.equal(again(PIXELS).predicted_depth, model(PIXELS).predicted_depth)
    assert again(PIXELS, output_attentions=True, output_hidden_states=True).attentions is None


def test_what_is_no_backbone_is_named() -> None:
    with pytest.raises(UnsupportedTaskError, match=r"AutoBackbone.*test-stair"):
        load_backbone(PitConfig())
