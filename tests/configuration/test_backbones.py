"""Configurations of backbones, and of models around one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from automodel_core import registry
from automodel_core.configuration import (
    AnyConfig,
    BackboneConfigMixin,
    OutFeatures,
    OutIndices,
    WithBackboneConfig,
)
from automodel_core.errors import ConfigurationError


class LadderConfig(BackboneConfigMixin):
    model_type = "test-ladder"

    num_hidden_layers: int = 4
    out_features: OutFeatures = None
    out_indices: OutIndices = None


class TreeConfig(BackboneConfigMixin):
    model_type = "test-tree"

    depths: Sequence[int] = (1, 2)
    out_features: OutFeatures = None
    out_indices: OutIndices = None

    @property
    def stage_count(self) -> int:
        return len(self.depths)


class HouseConfig(WithBackboneConfig):
    model_type = "test-house"
    known_backbones: ClassVar = {"ladder7": {"model_type": "test-ladder", "num_hidden_layers": 7}}

    backbone_config: AnyConfig | None = None
    is_tall: bool = False

    def default_backbone(self, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"model_type": "test-ladder"} if given.get("is_tall") else None


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", type(registry._registry)([], {}))
    for kind in (LadderConfig, TreeConfig, HouseConfig):
        registry.architectures.register_config(kind.model_type, kind)


def test_the_last_stage_is_chosen_where_nothing_else_is() -> None:
    config = LadderConfig()
    assert config.stage_names == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert (config.out_features, config.out_indices) == (["stage4"], [4])
    assert TreeConfig().stage_names == ["stem", "stage1", "stage2"]


def test_names_and_numbers_are_two_views_of_one_choice() -> None:
    config = LadderConfig(out_features=["stem", "stage3"])
    assert config.out_indices == [0, 3]
    config.out_indices = (1, -1)
    assert (config.out_features, config.out_indices) == (["stage1", "stage4"], [1, -1])
    config.out_features = ["stage2"]
    assert config.out_indices == [2]
    config.out_features = None
    assert config.out_indices == [4]
    config.set_output_features_output_indices(("stem",), [0])
    assert (config.out_features, config.out_indices) == (["stem"], [0])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"out_indices": [3, 1]}, "each stage once, in their order: stage1, stage3"),
        ({"out_indices": [1, -4]}, "each stage once"),
        ({"out_features": ["stage2", "stem"]}, "in their order: stem, stage2"),
        ({"out_indices": [5]}, r"stage4, not 5"),
        ({"out_indices": [-6]}, r"stage4, not -6"),
        ({"out_features": ["stage5"]}, "not 'stage5'"),
        ({"out_features": "stem"}, "list of str"),
        ({"out_features": ["stem"], "out_indices": [1]}, r"those of out_features=\['stem'\]"),
    ],
)
def test_other_choices_are_refused(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LadderConfig(**choice)
    config = LadderConfig()
    for key, value in list(choice.items())[-1:] if len(choice) == 1 else ():
        with pytest.raises(ConfigurationError, match=message):
            setattr(config, key, value)


def test_a_choice_survives_files_and_callers_change_it(tmp_path: Path) -> None:
    LadderConfig(out_indices=[-2]).save_pretrained(tmp_path)
    config = LadderConfig.from_pretrained(tmp_path)
    assert (config.out_features, config.out_indices) == (["stage3"], [-2])
    changed = LadderConfig.from_pretrained(tmp_path, out_features=["stem"])
    assert (changed.out_features, changed.out_indices) == (["stem"], [0])
    with pytest.raises(ConfigurationError, match=r"not 'stage3'"):
        LadderConfig.from_pretrained(tmp_path, num_hidden_layers=1)


def test_the_last_stage_stays_the_last_of_fewer(tmp_path: Path) -> None:
    LadderConfig().save_pretrained(tmp_path)
    config = LadderConfig.from_pretrained(tmp_path, num_hidden_layers=2)
    assert (config.stage_names[-1], config.out_features) == ("stage2", ["stage2"])


def test_a_part_says_which_backbone_there_is() -> None:
    assert HouseConfig().backbone_config is None
    given = LadderConfig(num_hidden_layers=3)
    assert HouseConfig(given).backbone_config is given
    keys = {"model_type": "test-tree", "out_indices": [1]}
    assert type(HouseConfig(backbone_config=keys).backbone_config) is TreeConfig
    tall = HouseConfig(is_tall=True)
    assert type(tall.backbone_config) is LadderConfig
    tall = HouseConfig(is_tall=True, backbone_config={"num_hidden_layers": 9})
    assert tall.backbone_config.num_hidden_layers == 9
    again = HouseConfig.from_dict(tall.to_dict())
    assert again == tall
    with pytest.raises(ConfigurationError, match="with a model_type"):
        HouseConfig(backbone_config={"num_hidden_layers": 9})


def test_names_of_old_files_are_read_and_nothing_is_fetched() -> None:
    old = {
        "backbone": "ladder7",
        "backbone_kwargs": {"out_indices": [1, 2]},
        "use_timm_backbone": True,
        "use_pretrained_backbone": True,
    }
    config = HouseConfig.from_dict(old)
    assert config.backbone_config.num_hidden_layers == 7
    assert config.backbone_config.out_features == ["stage1", "stage2"]
    assert not old.keys() & config.to_dict().keys()
    assert HouseConfig(backbone=None, use_timm_backbone=False).backbone_config is None
    with pytest.raises(ConfigurationError, match=r"'resnet50'.*not fetched.*ladder7.*AutoConfig"):
        HouseConfig(backbone="resnet50")
