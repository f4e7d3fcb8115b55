"""Parts: configurations inside a configuration, of a class of their own or of any architecture."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest

from automodel_core import AutoConfig, GenerationConfig, registry
from automodel_core.auto.component_names import classes_of_parts
from automodel_core.configuration import AnyConfig, PreTrainedConfig
from automodel_core.errors import ConfigurationError, PluginNotInstalledError
from automodel_core.fields import PositiveInt
from automodel_core.registry import hints
from automodel_core.registry.hints import Known


class TextConfig(PreTrainedConfig):
    model_type = "couple-text"
    aliases: ClassVar = {"hidden_size": "width"}

    width: PositiveInt = 8
    vocab_size: PositiveInt = 30


class VisionConfig(PreTrainedConfig):
    model_type = "couple-vision"

    hidden_size: PositiveInt = 4
    image_size: PositiveInt = 16
    num_channels: PositiveInt = 3

    def validate(self) -> None:
        if self.image_size % self.hidden_size:
            raise ConfigurationError(f"VisionConfig: image_size={self.image_size} is odd")


class CoupleConfig(PreTrainedConfig):
    """Two parts of known classes, neither of which is an encoder or a decoder."""

    model_type = "couple"

    text_config: TextConfig = TextConfig()
    vision_config: VisionConfig = VisionConfig()
    projection: PositiveInt = 6


class GuideConfig(PreTrainedConfig):
    """A part of any architecture, which may hold parts itself, and one that may be absent."""

    model_type = "guide"

    eyes: AnyConfig = None
    ears: TextConfig | None = None


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registry", type(registry._registry)([], {}))
    for kind in (CoupleConfig, GuideConfig):
        registry.architectures.register_config(kind.model_type, kind)


def test_the_parts_are_asked_for_by_name() -> None:
    config = CoupleConfig()
    assert list(config.parts()) == ["text_config", "vision_config"]
    assert config.parts()["vision_config"] is config.vision_config
    assert TextConfig().parts() == {}
    assert CoupleConfig.sub_configs == {"text_config": TextConfig, "vision_config": VisionConfig}
    assert GuideConfig.sub_configs == {"eyes": PreTrainedConfig, "ears": TextConfig}
    assert CoupleConfig().sub_configs == CoupleConfig.sub_configs
    assert TextConfig.sub_configs == {}


def test_a_part_is_a_dictionary_or_a_configuration() -> None:
    vision = VisionConfig(image_size=32)
    config = CoupleConfig(text_config={"hidden_size": 12}, vision_config=vision)
    assert type(config.text_config) is TextConfig
    assert config.text_config.width == 12
    assert config.vision_config is vision
    config.text_config = {"width": 2, "unknown": [1]}
    assert (config.text_config.width, config.text_config.unknown) == (2, [1])
    with pytest.raises(ConfigurationError, match="width='wide' cannot be used"):
        config.text_config = {"width": "wide"}
    with pytest.raises(ConfigurationError, match=r"text_config=3 cannot be used: expected TextCon"):
        CoupleConfig(text_config=3)
    with pytest.raises(ConfigurationError, match="expected TextConfig"):
        CoupleConfig(text_config=VisionConfig())


def test_defaults_of_two_objects_are_two_objects() -> None:
    one, other = CoupleConfig(), CoupleConfig()
    one.text_config.width = 99
    assert other.text_config.width == TextConfig().width
    assert one != other


def test_parts_inside_parts_go_through_a_file(tmp_path: Path) -> None:
    couple = {"model_type": "couple", "vision_config": {"image_size": 20}}
    config = GuideConfig(eyes={"model_type": "guide", "eyes": couple})
    assert config.eyes.eyes.vision_config.image_size == 20
    assert [type(part).__name__ for part in config.all_parts()] == [
        "GuideConfig", "CoupleConfig", "TextConfig", "VisionConfig",
    ]  # fmt: skip
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["eyes"]["eyes"]["vision_config"] == {
        "model_type": "couple-vision", "hidden_size": 4, "image_size": 20, "num_channels": 3,
    }  # fmt: skip
    assert written["ears"] is None
    again = AutoConfig.from_pretrained(tmp_path)
    for other in (again, copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config


def test_a_dictionary_changes_keys_of_a_part_which_are_checked_together() -> None:
    values = {"vision_config": {"image_size": 20}}
    config = CoupleConfig.from_dict(values, vision_config={"hidden_size": 6, "image_size": 18})
    assert (config.vision_config.image_size, config.vision_config.num_channels) == (18, 3)
    config.update({"text_config": {"vocab_size": 5}})
    assert config.text_config.vocab_size == 5
    with pytest.raises(ConfigurationError, match="image_size=21 is odd"):
        CoupleConfig.from_dict(values, vision_config={"image_size": 21})


@pytest.mark.parametrize("eyes", [None, "couple", {"image_size": 3}])
def test_a_part_of_any_architecture_names_one(eyes: Any) -> None:
    expected = "a configuration, or its keys as a dict with a model_type"
    with pytest.raises(ConfigurationError, match=f"eyes=.* cannot be used: expected {expected}"):
        GuideConfig(eyes=eyes)


def test_one_error_installs_all_architectures_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = {name: Known(f"automodel-{name}", ("base",)) for name in ("seer", "tour")}
    monkeypatch.setattr(hints, "catalogue", lambda: known)
    with pytest.raises(PluginNotInstalledError, match=r"joins eyes 'seer' \(missing\).*seer$"):
        GuideConfig(eyes={"model_type": "seer"})
    # A part of the architecture's own has no distribution that could be missing.
    parts = {"text_config": {"model_type": "tour-text", "vision": {"model_type": "seer"}}}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "tour", **parts}))
    with pytest.raises(PluginNotInstalledError, match=r"install automodel-seer automodel-tour$"):
        AutoConfig.from_pretrained(tmp_path)


def test_the_part_about_text_is_found_at_any_depth() -> None:
    config = GuideConfig(eyes={"model_type": "couple"})
    couple = config.eyes
    assert couple.get_text_config() is couple.get_text_config(decoder=True) is couple.text_config
    assert config.get_text_config() is config
    couple.text_config.num_beams = 4
    assert GenerationConfig.from_model_config(couple).num_beams == 4


def test_components_of_parts_are_found_at_any_depth() -> None:
    class Tokenizer:
        pass

    registry.architectures.register_component("tokenizer", TextConfig, Tokenizer)
    config = GuideConfig(eyes={"model_type": "couple"})
    assert classes_of_parts(config, "tokenizer") == {"text_config": Tokenizer}
    assert classes_of_parts(config, "image_processor") == {}
    assert classes_of_parts(object(), "tokenizer") == {}
