"""Processors of other parts than an image processor and a tokenizer (`processing.Part`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from automodel_core import AutoConfig, AutoFeatureExtractor, AutoImageProcessor, AutoProcessor
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.preprocessing import BatchFeature, Preprocessor
from automodel_core.processing import (
    FEATURE_EXTRACTOR,
    IMAGE_PROCESSOR,
    TOKENIZER,
    Part,
    ProcessorMixin,
)
from automodel_core.vision import BaseImageProcessor

IMAGE = torch.zeros(3, 4, 4, dtype=torch.uint8)


class TalkConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "talk"


class TalkFeatureExtractor(Preprocessor):
    """A feature extractor that pads sounds."""

    kind = "feature_extractor"
    model_input_names: ClassVar[tuple[str, ...]] = ("input_values", "attention_mask")

    padding: bool = False
    gain: float = 1.0

    def __call__(self, audio: Any, *, return_tensors: Any = None, **settings: Any) -> BatchFeature:
        here = self.overridden(settings)
        rows = [[value * here.gain for value in row] for row in audio]
        if here.padding:
            longest = max(map(len, rows))
            rows = [[*row, *[0.0] * (longest - len(row))] for row in rows]
        return BatchFeature({"input_values": rows}, return_tensors)


class TalkImageProcessor(BaseImageProcessor):
    """An image processor that only rescales."""

    do_resize: bool = False
    do_normalize: bool = False


class TalkProcessor(ProcessorMixin):
    """Speech and text."""

    attributes: ClassVar = {"feature_extractor": FEATURE_EXTRACTOR, "tokenizer": TOKENIZER}


class SegmentProcessor(ProcessorMixin):
    """Images alone."""

    attributes: ClassVar = {"image_processor": IMAGE_PROCESSOR}


class EverythingProcessor(ProcessorMixin):
    """Three kinds of input, and a second tokenizer."""

    attributes: ClassVar = {
        "image_processor": IMAGE_PROCESSOR,
        "feature_extractor": Part("feature_extractor", "audio", TalkFeatureExtractor),
        "tokenizer": TOKENIZER,
        "query_tokenizer": TOKENIZER,
    }


@pytest.fixture
def folder(tiny_gpt: Any, tmp_path: Path, tokenizer_json: bytes) -> Path:
    AutoConfig.register("talk", TalkConfig)
    AutoFeatureExtractor.register(TalkConfig, TalkFeatureExtractor)
    AutoImageProcessor.register(TalkConfig, TalkImageProcessor)
    AutoProcessor.register(TalkConfig, TalkProcessor)
    (tmp_path / "config.json").write_text('{"model_type": "talk"}')
    (tmp_path / "preprocessor_config.json").write_text('{"gain": 2.0}')
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "[UNK]"}')
    return tmp_path


def test_speech_and_text(folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    assert type(processor) is TalkProcessor
    assert processor.model_input_names == ["input_values", "attention_mask", "input_ids"]
    assert processor([[0.5]]).input_values == [[1.0]]
    assert processor([[0.5]], audio_kwargs={"gain": 1.0}).input_values == [[0.5]]
    both = processor(audio=[[1.0], [1.0, 2.0]], text=["a", "a b"], padding=True, gain=1.0)
    assert both.input_values == [[1.0, 0.0], [1.0, 2.0]]
    assert both.input_ids == [[0, 2], [0, 1]]
    with processor.as_target_processor():
        assert processor("a b").input_ids == [0, 1]
    assert processor.current_processor is processor.feature_extractor


def test_inputs_and_keywords_that_no_part_takes(folder: Path) -> None:
    processor = TalkProcessor.from_pretrained(folder)
    for call in (
        lambda: processor(images=IMAGE),
        lambda: processor([[0.5]], "a", [[0.5]]),
        lambda: processor([[0.5]], audio=[[0.5]]),
    ):
        with pytest.raises(InputError, match="TalkProcessor takes audio and text, each once"):
            call()
    with pytest.raises(InputError, match="give audio and text"):
        processor(None)
    with pytest.raises(TypeError, match="did you mean 'padding'"):
        processor(text="a", paddin=True)
    with pytest.raises(InputError, match="TalkProcessor needs a feature_extractor and a tokenizer"):
        TalkProcessor(tokenizer=processor.tokenizer)
    with pytest.raises(AttributeError, match="its parts are feature_extractor, tokenizer"):
        _ = processor.image_processor


def test_one_part_alone(folder: Path) -> None:
    with pytest.warns(UserWarning, match="SegmentProcessor has no use for odd"):
        processor = SegmentProcessor.from_pretrained(folder, do_rescale=False, odd=1)
    assert processor(IMAGE, return_tensors="pt").pixel_values.shape == (1, 3, 4, 4)
    with pytest.raises(InputError, match="TalkImageProcessor has no setting 'pading'"):
        processor(IMAGE, pading=True)
    names = [Path(path).name for path in processor.save_pretrained(folder / "new")]
    assert names == ["preprocessor_config.json", "processor_config.json"]


def test_parts_of_one_kind_and_of_several_are_saved_and_loaded(folder: Path) -> None:
    files = TalkProcessor.from_pretrained(folder)
    images = TalkImageProcessor(do_rescale=False)
    processor = EverythingProcessor(
        images, files.feature_extractor, files.tokenizer, query_tokenizer=files.tokenizer
    )
    everything = processor(IMAGE, [[0.5]], "a b")
    assert everything.keys() == {"pixel_values", "input_values", "input_ids", "attention_mask"}
    processor.save_pretrained(folder / "new")
    assert (folder / "new" / "query_tokenizer" / "tokenizer.json").is_file()
    nested = json.loads((folder / "new" / "processor_config.json").read_text())
    assert nested.keys() == {"processor_class", "image_processor", "feature_extractor"}
    (folder / "new" / "config.json").write_text('{"model_type": "talk"}')
    again = EverythingProcessor.from_pretrained(folder / "new", padding_side="left")
    assert again.image_processor == images
    assert again.feature_extractor == processor.feature_extractor
    assert again.query_tokenizer.get_vocab() == again.tokenizer.get_vocab()
    assert again.query_tokenizer is not again.tokenizer
    assert again.query_tokenizer.padding_side == "left"
