"""AutoProcessor, AutoImageProcessor, AutoFeatureExtractor: which class prepares the input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    AutoVideoProcessor,
)
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    CheckpointNotFoundError,
    PluginNotInstalledError,
    RegistrationError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnsupportedTaskError,
)
from automodel_core.registry.hints import Known
from automodel_core.text import PreTrainedTokenizer


class SightConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "sight"


class Loaded:
    """What a component keeps of the call."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name, self.kwargs = name, kwargs

    @classmethod
    def from_pretrained(cls, name: str, **kwargs: Any) -> Any:
        return cls(name, **kwargs)


class SightImageProcessor(Loaded):
    """An image processor of this test."""


class SightFeatureExtractor(Loaded):
    """A feature extractor of this test."""


class SightVideoProcessor(Loaded):
    """A video processor of this test."""


class SightProcessor(Loaded):
    """A processor of this test."""


@pytest.fixture
def sight(tiny_gpt: Any) -> None:
    AutoConfig.register("sight", SightConfig)
    AutoImageProcessor.register(SightConfig, fast_image_processor_class=SightImageProcessor)


def say(folder: Path, **files: dict[str, Any]) -> str:
    for name, values in files.items():
        (folder / f"{name}.json").write_text(json.dumps(values), "utf-8")
    return str(folder)


@pytest.mark.parametrize("auto_class", [AutoProcessor, AutoImageProcessor, AutoFeatureExtractor])
def test_they_are_not_constructed(auto_class: Any) -> None:
    with pytest.raises(OSError, match=rf"call `{auto_class.__name__}.from_pretrained\("):
        auto_class()


@pytest.mark.parametrize(
    "named",
    [
        {"image_processor_type": "SightImageProcessor"},
        {"image_processor_type": "SightImageProcessorFast"},
        {"image_processor_type": "SightImageProcessorPil"},
        {"feature_extractor_type": "SightFeatureExtractor"},
    ],
)
def test_the_preprocessor_file_names_the_class(
    sight: None, tmp_path: Path, named: dict[str, Any]
) -> None:
    name = say(tmp_path, preprocessor_config=named)
    found = AutoImageProcessor.from_pretrained(name, size=3, use_fast=True)
    assert type(found) is SightImageProcessor
    assert (found.name, found.kwargs) == (name, {"size": 3})


def test_newer_checkpoints_nest_it(sight: None, tmp_path: Path) -> None:
    nested = {"image_processor": {"image_processor_type": "SightImageProcessor"}}
    name = say(tmp_path, processor_config=nested)
    assert type(AutoImageProcessor.from_pretrained(name)) is SightImageProcessor


def test_the_architecture_decides_if_nothing_is_named(sight: None, tmp_path: Path) -> None:
    name = say(tmp_path, config={"model_type": "sight"}, preprocessor_config={"size": 3})
    assert type(AutoImageProcessor.from_pretrained(name)) is SightImageProcessor
    with pytest.raises(UnsupportedTaskError, match=r"names no feature extractor"):
        AutoFeatureExtractor.from_pretrained(name)
    AutoFeatureExtractor.register(SightConfig, SightFeatureExtractor)
    assert type(AutoFeatureExtractor.from_pretrained(name)) is SightFeatureExtractor
    with pytest.raises(RegistrationError, match=r"already registered"):
        AutoFeatureExtractor.register(SightConfig, SightFeatureExtractor)
    with pytest.raises(RegistrationError, match=r"give an image_processor_class"):
        AutoImageProcessor.register(SightConfig)


def test_videos_are_described_by_a_file_of_their_own(sight: None, tmp_path: Path) -> None:
    name = say(tmp_path, config={"model_type": "sight"}, video_preprocessor_config={"size": 3})
    with pytest.raises(UnsupportedTaskError, match="its architecture has none of its own"):
        AutoVideoProcessor.from_pretrained(name)
    AutoVideoProcessor.register(SightConfig, SightVideoProcessor)
    assert type(AutoVideoProcessor.from_pretrained(name)) is SightVideoProcessor
    named = {"video_processor_type": "PrivateVideoProcessor", "auto_map": "x.Y"}
    (tmp_path / "config.json").unlink()
    with pytest.raises(RemoteCodeRefusedError, match=r"video processor 'PrivateVideoProcessor'"):
        AutoVideoProcessor.from_pretrained(say(tmp_path, video_preprocessor_config=named))


def test_a_composite_sees_with_its_encoder(sight: None, tmp_path: Path) -> None:
    class Composite(PreTrainedConfig):
        model_type = "composite"

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.encoder = SightConfig()

    AutoConfig.register("composite", Composite)
    name = say(tmp_path, config={"model_type": "composite"})
    assert type(AutoImageProcessor.from_pretrained(name)) is SightImageProcessor


def test_what_cannot_be_found_says_why(sight: None, tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"preprocessor_config.json or config.json"):
        AutoImageProcessor.from_pretrained(tmp_path)
    named = {"image_processor_type": "PrivateImageProcessor"}
    with pytest.raises(UnsupportedTaskError, match=r"'PrivateImageProcessor' of .* no installed"):
        AutoImageProcessor.from_pretrained(say(tmp_path, preprocessor_config=named))
    named["auto_map"] = "x.Y"
    with pytest.raises(RemoteCodeRefusedError, match=r"never run"):
        AutoImageProcessor.from_pretrained(say(tmp_path, preprocessor_config=named))
    with pytest.raises(RemoteCodeRefusedError, match=r"never"):
        AutoImageProcessor.from_pretrained(tmp_path, trust_remote_code=True)


def test_the_catalogue_says_who_has_what_is_not_installed(
    sight: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"far": Known("automodel-far", ("base",), ("FarImageProcessor", "FarTokenizer"))}
    monkeypatch.setattr("automodel_core.registry.hints.catalogue", lambda: known)
    for name in ("FarImageProcessor", "FarImageProcessorFast"):
        folder = say(tmp_path, preprocessor_config={"image_processor_type": name})
        with pytest.raises(UnsupportedTaskError, match=f"'{name}' .*: pip install automodel-far"):
            AutoImageProcessor.from_pretrained(folder)
    say(tmp_path, tokenizer_config={"tokenizer_class": "FarTokenizer"})
    with pytest.raises(TokenizationError, match="run: pip install automodel-far, or choose"):
        AutoTokenizer.from_pretrained(tmp_path)


def test_a_processor_is_found_by_name_or_architecture(sight: None, tmp_path: Path) -> None:
    AutoProcessor.register(SightConfig, SightProcessor)
    for files in (
        {"processor_config": {"processor_class": "SightProcessor"}},
        {"preprocessor_config": {"processor_class": "SightProcessor"}},
        {"tokenizer_config": {"processor_class": "SightProcessor"}},
        {"config": {"model_type": "sight"}},
    ):
        folder = tmp_path / next(iter(files))
        folder.mkdir()
        assert type(AutoProcessor.from_pretrained(say(folder, **files))) is SightProcessor


def test_without_a_processor_its_only_part_is_the_answer(
    sight: None, tmp_path: Path, tokenizer_json: bytes
) -> None:
    name = say(tmp_path, preprocessor_config={"image_processor_type": "SightImageProcessor"})
    assert type(AutoProcessor.from_pretrained(name)) is SightImageProcessor
    say(tmp_path, config={"model_type": "sight"})
    assert type(AutoProcessor.from_pretrained(name)) is SightImageProcessor
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
    assert type(AutoProcessor.from_pretrained(name)) is PreTrainedTokenizer


def test_a_checkpoint_with_nothing_to_prepare_says_so(sight: None, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedTaskError, match=r"has neither a processor nor a tokenizer"):
        AutoProcessor.from_pretrained(tmp_path)
    from automodel_core.registry.hints import catalogue

    name = say(tmp_path, config={"model_type": next(iter(catalogue()))})
    with pytest.raises(PluginNotInstalledError, match=r"pip install automodel-"):
        AutoProcessor.from_pretrained(name)
