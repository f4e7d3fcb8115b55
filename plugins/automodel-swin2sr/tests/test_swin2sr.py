"""Swin2SR alone: configurations, images of any size, files, the processor, the pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from automodel_core import AutoImageProcessor, AutoModelForImageToImage, pipeline
from automodel_core.errors import ConfigurationError, InputError
from automodel_swin2sr import (
    Swin2SRConfig,
    Swin2SRForImageSuperResolution,
    Swin2SRImageProcessor,
    Swin2SRModel,
)

SMALL: dict[str, Any] = {
    "image_size": 8, "embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 4,
}  # fmt: skip
UPSAMPLERS = [("pixelshuffle", 2), ("pixelshuffle", 3), ("pixelshuffle_aux", 4),
              ("pixelshuffledirect", 5), ("nearest+conv", 4), ("", 1), (None, 1)]  # fmt: skip


def model_of(**settings: Any) -> Swin2SRForImageSuperResolution:
    torch.manual_seed(0)
    return Swin2SRForImageSuperResolution(Swin2SRConfig(**{**SMALL, **settings})).eval()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depths": [1, 2]}, "one number for each stage"),
        ({"num_heads": [5]}, r"embed_dim=12 is not a multiple of num_heads\[0\]=5"),
        ({"patch_size": 2}, "patches of patches"),
        ({"use_absolute_embeddings": True}, "no checkpoint has such embeddings"),
        ({"upsampler": "bilinear"}, "upsampler='bilinear'"),
        ({"upsampler": "nearest+conv"}, "needs upscale=4, not 2"),
        ({"upscale": 5}, "an upscale of 3 or a power of 2, not 5"),
        ({"upsampler": "pixelshuffle_aux", "num_channels": 1}, "needs num_channels=3, not 1"),
        ({"upsampler": "", "num_channels_out": 2}, "must equal num_channels=3"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Swin2SRConfig.*{message}"):
        Swin2SRConfig(**{**SMALL, **wrong})


def test_neither_the_configuration_nor_the_manifest_imports_torch() -> None:
    code = (
        "import sys, automodel_swin2sr, automodel_swin2sr.plugin; "
        "from automodel_swin2sr import Swin2SRConfig; Swin2SRConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("upsampler", "scale"), UPSAMPLERS)
@pytest.mark.parametrize("shape", [(8, 8), (5, 11), (1, 3)])
@torch.no_grad()
def test_images_of_any_size_are_enlarged(
    upsampler: str | None, scale: int, shape: tuple[int, int]
) -> None:
    model = model_of(upsampler=upsampler, upscale=scale)
    made = model(torch.rand(2, 3, *shape)).reconstruction
    assert made.shape == (2, 3, shape[0] * scale, shape[1] * scale)


@pytest.mark.parametrize(("upsampler", "scale"), UPSAMPLERS)
def test_a_save_loses_nothing(upsampler: str | None, scale: int, tmp_path: Path) -> None:
    model = model_of(upsampler=upsampler, upscale=scale, resi_connection="3conv")
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = AutoModelForImageToImage.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_the_names_on_disk_are_the_hubs() -> None:
    block = "swin2sr.encoder.stages.0.layers.1"
    assert set(model_of(upscale=4).hub_state_dict()) >= {
        "swin2sr.first_convolution.weight",
        "swin2sr.embeddings.patch_embeddings.projection.bias",
        "swin2sr.embeddings.patch_embeddings.layernorm.weight",
        f"{block}.attention.self.query.bias",
        f"{block}.attention.self.logit_scale",
        f"{block}.attention.self.continuous_position_bias_mlp.2.weight",
        f"{block}.attention.output.dense.weight",
        f"{block}.intermediate.dense.weight",
        f"{block}.layernorm_after.bias",
        "swin2sr.encoder.stages.0.conv.weight",
        "swin2sr.encoder.stages.0.patch_embed.projection.weight",
        "swin2sr.layernorm.weight",
        "swin2sr.conv_after_body.bias",
        "upsample.conv_before_upsample.weight",
        "upsample.upsample.convolution_1.weight",
        "upsample.final_convolution.bias",
    }


def test_labels_are_the_images_that_should_come_out() -> None:
    model, images = model_of(), torch.rand(1, 3, 8, 8)
    made = model(images).reconstruction.detach()
    loss = model(images, labels=made + 0.5).loss
    torch.testing.assert_close(loss, torch.tensor(0.5))
    with pytest.raises(InputError, match=r"\(1, 3, 16, 16\), got \(1, 3, 8, 8\)"):
        model(images, labels=images)
    with pytest.raises(InputError, match="give pixel_values"):
        Swin2SRModel(model.config)()


@pytest.mark.parametrize(("shape", "padded"), [((16, 24), (24, 32)), ((5, 13), (8, 16))])
def test_the_processor_mirrors_edges(shape: tuple[int, int], padded: tuple[int, int]) -> None:
    image = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    pixels = Swin2SRImageProcessor()(image, return_tensors="pt").pixel_values[0]
    assert pixels.shape == (3, *padded)
    torch.testing.assert_close(pixels[:, : shape[0], : shape[1]], image / 255)
    torch.testing.assert_close(pixels[:, shape[0]], pixels[:, shape[0] - 1])
    torch.testing.assert_close(pixels[..., shape[1] + 1], pixels[..., shape[1] - 2])
    plain = Swin2SRImageProcessor(do_pad=False)(image, return_tensors="pt").pixel_values[0]
    assert plain.shape == image.shape


def test_the_hubs_files_call_the_divisor_pad_size(tmp_path: Path) -> None:
    keys = {"do_pad": True, "do_rescale": True, "image_processor_type": "Swin2SRImageProcessor",
            "pad_size": 4, "rescale_factor": 0.00392156862745098}  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(keys))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is Swin2SRImageProcessor
    assert processor.size_divisor == 4
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert (saved["size_divisor"], saved.get("pad_size")) == (4, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model_of().save_pretrained(tmp_path / "model")
    Swin2SRImageProcessor().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_the_pipeline_returns_pictures_of_the_pictures_shape(folder: Path) -> None:
    enlarge = pipeline("image-to-image", model=str(folder))
    pictures = [Image.new("RGB", size, "orange") for size in ((13, 9), (8, 8), (13, 9))]
    made = enlarge(pictures, batch_size=2)
    assert [(each.size, each.mode) for each in made] == [
        ((26, 18), "RGB"), ((16, 16), "RGB"), ((26, 18), "RGB"),
    ]  # fmt: skip
    assert made[0].tobytes() == made[2].tobytes() == enlarge(pictures[0]).tobytes()
    with torch.no_grad():
        pixels = enlarge.image_processor(pictures[0], return_tensors="pt").pixel_values
        whole = enlarge.model(pixels).reconstruction[0, :, :18, :26].clamp(0, 1)
    expected = (whole * 255).round().to(torch.uint8).permute(1, 2, 0).flatten().tolist()
    assert list(made[0].tobytes()) == expected


def test_the_command_line_writes_the_picture(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (13, 9), "orange").save(tmp_path / "small.png")
    place = tmp_path / "large.png"
    command = [sys.executable, "-m", "automodel_core", "run", "image-to-image", str(folder)]
    given = [str(tmp_path / "small.png"), "--out", str(place)]
    told = subprocess.run([*command, *given], check=True, capture_output=True, text=True)
    with Image.open(place) as picture:
        assert picture.size == (26, 18)
    assert "26 x 18 picture" in told.stdout
