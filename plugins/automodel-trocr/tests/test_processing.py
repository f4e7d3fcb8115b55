"""TrOCR's processor: images in, texts as labels, and text out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoConfig, AutoImageProcessor, AutoProcessor
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.vision import BaseImageProcessor
from automodel_trocr import RobertaTokenizer, TrOCRProcessor

IMAGE = torch.arange(48, dtype=torch.uint8).view(3, 4, 4)


class SeeingConfig(PreTrainedConfig):
    """An encoder of this test."""

    model_type = "seeing"


class SeeingImageProcessor(BaseImageProcessor):
    """Stands for the one that another plugin provides; nothing is resized."""

    do_resize: bool = False
    do_normalize: bool = False


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    AutoConfig.register("seeing", SeeingConfig)
    AutoImageProcessor.register(SeeingConfig, SeeingImageProcessor)


@pytest.fixture
def folder(bpe_folder: Path) -> Path:
    preprocessor = {
        "feature_extractor_type": "SeeingFeatureExtractor",
        "size": 384,
        "do_resize": False,
    }
    (bpe_folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return bpe_folder


def test_it_is_found_by_the_name_in_the_tokenizers_file(folder: Path) -> None:
    processor: Any = AutoProcessor.from_pretrained(folder)
    assert type(processor) is TrOCRProcessor
    assert processor.image_processor.size == {"height": 384, "width": 384}
    assert processor.tokenizer.encode("The") == RobertaTokenizer.from_pretrained(folder).encode(
        "The"
    )


def test_texts_beside_images_are_labels(folder: Path) -> None:
    processor = TrOCRProcessor.from_pretrained(folder)
    both = processor(images=[IMAGE, IMAGE], text=["The cat", "A dog"], padding=True)
    assert both.keys() == {"pixel_values", "labels"}
    texts = processor(text=["The cat", "A dog"], padding=True)
    assert both["labels"] == texts["input_ids"]
    assert processor(IMAGE, return_tensors="pt").pixel_values.shape == (1, 3, 4, 4)
    assert processor.model_input_names == ["pixel_values", "labels"]
    with processor.as_target_processor():
        assert processor("The cat").input_ids == processor.tokenizer("The cat").input_ids
    with pytest.raises(InputError, match="nothing to process"):
        processor()


def test_generated_ids_become_text(folder: Path) -> None:
    processor = TrOCRProcessor.from_pretrained(folder)
    ids = torch.tensor([processor.tokenizer("A dog").input_ids])
    assert processor.batch_decode(ids, skip_special_tokens=True) == ["A dog"]


def test_saved_files_load_again(folder: Path, tmp_path: Path) -> None:
    processor = TrOCRProcessor.from_pretrained(folder)
    processor.save_pretrained(tmp_path / "saved")
    for name in ("preprocessor_config.json", "processor_config.json", "tokenizer_config.json"):
        values = json.loads((tmp_path / "saved" / name).read_text())
        assert values["processor_class"] == "TrOCRProcessor"
    again: Any = AutoProcessor.from_pretrained(tmp_path / "saved")
    assert again.image_processor == processor.image_processor
    assert again(text="The cat") == processor(text="The cat")
