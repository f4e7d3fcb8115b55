"""The base of image processors: its settings (`vision.settings`), files and calls."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core.errors import CheckpointNotFoundError, ConfigurationError, InputError
from automodel_core.vision import BaseImageProcessor, Resampling
from automodel_core.vision.settings import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    ChannelValues,
    Size,
    fixed_size,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)


class SmallImageProcessor(BaseImageProcessor):
    """What an architecture declares."""

    do_resize: bool = True
    size: Size = fixed_size(6)
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD


def written(folder: Path, **values: Any) -> Path:
    (folder / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")
    return folder


def expected(height: int = 6, width: int = 6, resample: int = Resampling.BILINEAR) -> torch.Tensor:
    resized = np.asarray(Image.fromarray(PIXELS).resize((width, height), resample))
    return torch.tensor(resized / 255.0 * 2 - 1, dtype=torch.float32).permute(2, 0, 1)


def test_an_image_is_resized_scaled_and_normalised() -> None:
    processor = SmallImageProcessor()
    for images in (PIXELS, [Image.fromarray(PIXELS)], torch.from_numpy(PIXELS)[None]):
        features = processor(images, return_tensors="pt")
        assert features.keys() == {"pixel_values"}
        assert features.pixel_values.shape == (1, 3, 6, 6)
        torch.testing.assert_close(features["pixel_values"][0], expected(), rtol=0, atol=1e-6)
    several = processor([PIXELS, [PIXELS]])["pixel_values"]
    assert isinstance(several, list)
    assert torch.equal(several[1], features.pixel_values[0])


@pytest.mark.parametrize(
    "mode",
    "1 L LA La P PA RGBA RGBa RGBX CMYK YCbCr LAB HSV I I;16 F".split(),
)
def test_pictures_of_all_modes_are_processed_as_rgb(mode: str) -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    if mode in ("La", "RGBa"):
        picture = grey.convert(mode.replace("a", "A")).convert(mode)
    elif mode in ("LAB", "HSV"):
        picture = grey.convert("RGB").convert("HSV") if mode == "HSV" else Image.new(mode, (9, 12))
    elif mode in ("I", "I;16"):
        kind = np.int32 if mode == "I" else np.uint16
        picture = Image.fromarray(PIXELS[..., 0].astype(kind) * kind(257))
    else:
        picture = grey.convert("RGB" if mode == "CMYK" else "L").convert(mode)
    assert picture.mode == mode
    found = SmallImageProcessor()(picture, return_tensors="pt").pixel_values
    assert found.shape == (1, 3, 6, 6)
    if mode not in ("1", "LAB", "CMYK", "PA"):
        wanted = SmallImageProcessor()(grey.convert("RGB"), return_tensors="pt").pixel_values
        torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)


def test_pictures_keep_their_channels_where_that_is_asked() -> None:
    grey, processor = PIXELS[..., 0], SmallImageProcessor()
    assert processor(grey, return_tensors="pt").pixel_values.shape == (1, 3, 6, 6)
    with pytest.raises(InputError, match="the image 1 channels; do_convert_rgb=True"):
        processor(grey, do_convert_rgb=False)
    for settings in ({"image_mean": 0.5, "image_std": 0.5}, {"do_normalize": False}):
        found = processor(grey, return_tensors="pt", **settings).pixel_values
        assert found.shape == (1, 1, 6, 6)


def test_numpy_comes_back_if_asked_for() -> None:
    features = SmallImageProcessor()(PIXELS, return_tensors="np", data_format="channels_last")
    assert isinstance(features["pixel_values"], np.ndarray)
    assert features["pixel_values"].shape == (1, 6, 6, 3)
    with pytest.raises(InputError, match="return_tensors='tf' is not known"):
        SmallImageProcessor()(PIXELS, return_tensors="tf")


def test_a_call_overrides_settings_for_itself() -> None:
    processor = SmallImageProcessor()
    before = copy.deepcopy(processor)
    found = processor(
        PIXELS,
        size={"height": 4, "width": 8},
        resample=Image.Resampling.LANCZOS,
        do_normalize=False,
        do_rescale=None,
        return_tensors="pt",
    ).pixel_values
    torch.testing.assert_close(
        found[0], (expected(4, 8, Resampling.LANCZOS) + 1) / 2, rtol=0, atol=1e-6
    )
    assert processor == before
    plain = processor(PIXELS, do_resize=False, do_normalize=False, do_rescale=False)
    assert plain.pixel_values[0].tolist() == PIXELS.transpose(2, 0, 1).tolist()
    cropped = processor(PIXELS, do_center_crop=True, crop_size=4).pixel_values[0]
    torch.testing.assert_close(cropped, expected()[:, 1:5, 1:5], rtol=0, atol=1e-6)
    with pytest.raises(InputError, match=r"has no setting 'do_rezise' \(did you mean 'do_resize'"):
        processor(PIXELS, do_rezise=False)


def test_images_of_several_sizes_need_padding() -> None:
    processor = SmallImageProcessor(do_resize=False)
    images = [PIXELS, PIXELS[:5]]
    with pytest.raises(InputError, match="Images need one size"):
        processor(images, return_tensors="pt")
    found = processor(images, do_pad=True, return_tensors="pt").pixel_values
    assert found.shape == (2, 3, 12, 9)
    assert not found[1, :, 5:].any()
    found = processor(images, do_pad=True, pad_size={"height": 20, "width": 10})
    assert found.pixel_values[0].shape == (3, 20, 10)
    with pytest.raises(InputError, match="12 x 9 cannot be padded to pad_size, 5 x 10"):
        processor(images, do_pad=True, pad_size=(5, 10))


def test_sizes_in_old_and_new_spellings() -> None:
    for size in (7, [7, 7], (7, 7), {"height": 7, "width": 7, "longest_edge": None}):
        assert SmallImageProcessor(size=size).size == {"height": 7, "width": 7}
    by_edge = SmallImageProcessor(size=7, default_to_square=False, crop_size=5)
    assert (by_edge.size, by_edge.crop_size) == ({"shortest_edge": 7}, {"height": 5, "width": 5})
    by_edge.size = 8
    assert by_edge(PIXELS).pixel_values[0].shape == (3, 10, 8)
    for wrong in ("7", 0, -3, True, [1, 2, 3], {"height": 7}, {"heigth": 7, "width": 7}, 2.5):
        with pytest.raises(ConfigurationError, match=r"size=.* cannot be used"):
            SmallImageProcessor(size=wrong)


def test_filters_by_number_and_name() -> None:
    for name in (3, "bicubic", Image.Resampling.BICUBIC, Resampling.BICUBIC):
        assert SmallImageProcessor(resample=name).resample == 3
    for wrong, message in ((9, "resample=9"), ("cubic", "resample='cubic' is not known")):
        with pytest.raises(ConfigurationError, match=message):
            SmallImageProcessor(resample=wrong)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"do_resize": "yes"}, "do_resize='yes'"),
        ({"image_mean": [0.5, "a"]}, "image_mean="),
        ({"rescale_factor": "1/255"}, "rescale_factor"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SmallImageProcessor(**values)


def test_steps_without_their_settings_are_named() -> None:
    for setting, step in (("size", "do_resize"), ("image_mean", "do_normalize")):
        with pytest.raises(InputError, match=f"{step}=True needs {setting}"):
            BaseImageProcessor(do_resize=step == "do_resize")(PIXELS)
    with pytest.raises(InputError, match="no images"):
        SmallImageProcessor()([])
    with pytest.raises(InputError, match="data_format='last'"):
        SmallImageProcessor()(PIXELS, data_format="last")


def test_values_that_are_scaled_already_are_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        SmallImageProcessor()(PIXELS / 255, do_rescale=False)
        assert not caplog.text
        SmallImageProcessor()(PIXELS / 255)
    assert "do_rescale=False" in caplog.text


def test_old_files_are_read_and_everything_survives(tmp_path: Path) -> None:
    written(
        tmp_path,
        feature_extractor_type="SmallFeatureExtractor",
        do_normalize=True,
        image_mean=[0.1, 0.2, 0.3],
        size=384,
        resample=3,
        of_tomorrow=[1],
        do_pad=None,
    )
    processor = SmallImageProcessor.from_pretrained(tmp_path)
    assert (processor.size, processor.resample) == ({"height": 384, "width": 384}, 3)
    assert processor.of_tomorrow == [1]
    paths = processor.save_pretrained(tmp_path / "again")
    values = json.loads(Path(paths[0]).read_text("utf-8"))
    assert values == {
        "do_resize": True,
        "image_mean": [0.1, 0.2, 0.3],
        "image_processor_type": "SmallImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "of_tomorrow": [1],
        "resample": 3,
        "size": {"height": 384, "width": 384},
    }
    assert SmallImageProcessor.from_pretrained(tmp_path / "again") == processor
    assert SmallImageProcessor.from_pretrained(paths[0]) == processor
    assert SmallImageProcessor.from_json_file(paths[0]) == processor


def test_newer_files_nest_the_settings(tmp_path: Path) -> None:
    written(tmp_path, size=4)
    nested = {"processor_class": "Both", "image_processor": {"size": {"height": 5, "width": 5}}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested), "utf-8")
    assert SmallImageProcessor.from_pretrained(tmp_path).size["height"] == 5
    (tmp_path / "processor_config.json").write_text('{"processor_class": "Both"}', "utf-8")
    assert SmallImageProcessor.from_pretrained(tmp_path).size["height"] == 4


def test_keywords_override_the_file(tmp_path: Path) -> None:
    written(tmp_path, size=4, processor_class="Both")
    processor, unused = SmallImageProcessor.from_pretrained(
        tmp_path, size={"shortest_edge": 9}, do_resize=False, odd=1, return_unused_kwargs=True
    )
    assert (processor.size, processor.do_resize, unused) == (
        {"shortest_edge": 9}, False, {"odd": 1},
    )  # fmt: skip
    assert processor.to_dict()["processor_class"] == "Both"
    with pytest.warns(UserWarning, match="has no use for odd"):
        SmallImageProcessor.from_pretrained(tmp_path, odd=1)


def test_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(CheckpointNotFoundError, match=r"preprocessor_config.json.*config.json"):
        SmallImageProcessor.from_pretrained(tmp_path)
    with pytest.raises(NotADirectoryError):
        SmallImageProcessor().save_pretrained(tmp_path / "config.json")


def test_a_processor_copies_pickles_and_prints() -> None:
    processor = SmallImageProcessor(size=5)
    assert pickle.loads(pickle.dumps(processor)) == processor == copy.deepcopy(processor)
    assert '"height": 5' in repr(processor)


def test_neither_pillow_nor_numpy_is_imported_before_it_is_needed() -> None:
    code = """
import sys
for name in ("PIL", "numpy", "torchvision"):
    sys.modules[name] = None
import torch
from automodel_core.vision import BaseImageProcessor
processor = BaseImageProcessor(image_mean=0.5, image_std=0.5)
image = torch.zeros(3, 4, 4, dtype=torch.uint8)
assert processor(image, do_resize=False, return_tensors="pt").pixel_values.shape == (1, 3, 4, 4)
try:
    processor(image, size=2)
except ImportError as error:
    assert "pip install pillow" in str(error)
else:
    sys.exit("resized without Pillow")
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
