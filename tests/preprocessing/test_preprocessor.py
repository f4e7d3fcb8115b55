"""A preprocessor that is neither image nor text (`preprocessor`, `settings`, `files`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from automodel_core import AutoConfig, AutoFeatureExtractor
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import CheckpointNotFoundError, ConfigurationError, InputError
from automodel_core.fields import PositiveInt
from automodel_core.preprocessing import BatchFeature, Preprocessor
from support.tiny_plugin import Site


class SoundPreprocessor(Preprocessor):
    """The base of a kind: the settings that all sounds have."""

    kind = "feature_extractor"
    model_input_names: ClassVar[tuple[str, ...]] = ("input_values",)

    sampling_rate: PositiveInt = 16000
    padding_value: float = 0.0

    def __call__(self, audio: Any, *, return_tensors: Any = None, **settings: Any) -> BatchFeature:
        here = self.overridden(settings)
        longest = max(len(row) for row in audio)
        rows = [[*row, *[here.padding_value] * (longest - len(row))] for row in audio]
        return BatchFeature({"input_values": rows}, return_tensors)


class HumExtractor(SoundPreprocessor):
    """One of the kind, with a setting of its own."""

    window: PositiveInt = 400


class HumConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "hum"


def test_settings_are_typed_and_overridden_for_one_call() -> None:
    extractor = HumExtractor(window=8, unknown=[1])
    assert extractor([[1.0], [1.0, 2.0]]).input_values == [[1.0, 0.0], [1.0, 2.0]]
    batch = extractor([[1.0], [1.0, 2.0]], padding_value=-1.0, return_tensors="pt")
    torch.testing.assert_close(batch.input_values, torch.tensor([[1.0, -1.0], [1.0, 2.0]]))
    assert extractor.padding_value == 0.0
    with pytest.raises(InputError, match=r"has no setting 'padding_valeu' \(did you mean 'pad"):
        extractor([[1.0]], padding_valeu=1.0)
    with pytest.raises(ConfigurationError, match="HumExtractor: window=0 cannot be used"):
        extractor.window = 0


def test_files_hold_own_settings_and_changed_ones(tmp_path: Path) -> None:
    extractor = HumExtractor(padding_value=1.0, unknown=[1], processor_class="HumProcessor")
    (path,) = extractor.save_pretrained(tmp_path / "new")
    assert json.loads(Path(path).read_text("utf-8")) == {
        "feature_extractor_type": "HumExtractor",
        "padding_value": 1.0,
        "processor_class": "HumProcessor",
        "unknown": [1],
        "window": 400,
    }
    again, unused = HumExtractor.from_pretrained(
        tmp_path / "new", window=9, odd=1, return_unused_kwargs=True
    )
    assert (again.window, again.padding_value, unused) == (9, 1.0, {"odd": 1})
    assert HumExtractor.from_pretrained(path) == extractor
    with pytest.raises(NotADirectoryError):
        extractor.save_pretrained(path)


def test_newer_files_nest_the_settings_by_kind(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match="has no feature extractor"):
        HumExtractor.from_pretrained(tmp_path)
    nested = {"feature_extractor": {"window": 7}, "image_processor": {"window": 3}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested), "utf-8")
    assert HumExtractor.from_pretrained(tmp_path).window == 7


def test_the_auto_class_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Site(tmp_path).use(monkeypatch)
    AutoConfig.register("hum", HumConfig)
    AutoFeatureExtractor.register(HumConfig, HumExtractor)
    (tmp_path / "config.json").write_text('{"model_type": "hum"}', "utf-8")
    HumExtractor(window=5).save_pretrained(tmp_path)
    found = AutoFeatureExtractor.from_pretrained(tmp_path, sampling_rate=8000)
    assert (type(found), found.window, found.sampling_rate) == (HumExtractor, 5, 8000)


def test_neither_torch_nor_numpy_is_needed() -> None:
    code = """
import sys
for name in ("torch", "numpy"):
    sys.modules[name] = None
from automodel_core.preprocessing import BatchFeature, Preprocessor
assert BatchFeature({"a": [1]}).to("cpu").a == [1]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
