"""A processor joins an image processor and a tokenizer, on disk and in calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoConfig, AutoImageProcessor, AutoProcessor, AutoTokenizer
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import CheckpointNotFoundError, InputError, PluginConflictError
from automodel_core.processing import ProcessorMixin
from automodel_core.text import PreTrainedTokenizer
from automodel_core.vision import BaseImageProcessor
from support.hub import FakeHub
from support.tiny_plugin import Site

IMAGE = torch.arange(48, dtype=torch.uint8).view(3, 4, 4)


class ReaderConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "reader"


class ReaderImageProcessor(BaseImageProcessor):
    """An image processor with a setting of its own."""

    do_resize: bool = False
    do_normalize: bool = False
    do_flip: bool = False

    def transform(self, image: Any) -> Any:
        return super().transform(image.flip(-1) if self.do_flip else image)


class ReaderTokenizer(PreTrainedTokenizer):
    """A tokenizer of its own name."""


class ReaderProcessor(ProcessorMixin):
    """A processor for a model that reads images."""

    def text_defaults(self) -> dict[str, Any]:
        return {"add_special_tokens": False}


@pytest.fixture
def files(tiny_gpt: Any, tmp_path: Path, tokenizer_json: bytes) -> dict[str, Any]:
    AutoConfig.register("reader", ReaderConfig)
    AutoImageProcessor.register(ReaderConfig, ReaderImageProcessor)
    AutoProcessor.register(ReaderConfig, ReaderProcessor)
    return {
        "config.json": json.dumps({"model_type": "reader"}).encode(),
        "preprocessor_config.json": json.dumps({"do_flip": True}).encode(),
        "tokenizer.json": tokenizer_json,
        "tokenizer_config.json": json.dumps({"pad_token": "[UNK]"}).encode(),
    }


@pytest.fixture
def folder(files: dict[str, Any], tmp_path: Path) -> Path:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_both_parts_are_loaded_with_their_settings(folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder, do_flip=False, padding_side="left")
    assert type(processor) is ReaderProcessor
    assert type(processor.image_processor) is ReaderImageProcessor
    assert not processor.image_processor.do_flip
    assert processor.tokenizer.padding_side == "left"
    assert processor.feature_extractor is processor.image_processor
    assert processor.model_input_names == ["pixel_values", "input_ids", "attention_mask"]


def test_a_call_takes_images_texts_or_both(folder: Path) -> None:
    processor = ReaderProcessor.from_pretrained(folder)
    images = processor(IMAGE, return_tensors="pt", do_flip=False)
    assert images.keys() == {"pixel_values"}
    torch.testing.assert_close(images.pixel_values[0], IMAGE / 255)
    texts = processor(text=["a b", "b"], return_tensors="pt", padding=True)
    assert texts["input_ids"].tolist() == [[0, 1], [1, 2]]
    both = processor(
        images=IMAGE,
        text="a",
        return_tensors="pt",
        images_kwargs={"do_rescale": False},
        text_kwargs={"padding": "max_length", "max_length": 3},
    )
    assert both.keys() == {"pixel_values", "input_ids", "attention_mask"}
    assert both["input_ids"].tolist() == [[0, 2, 2]]
    assert both.pixel_values.dtype == torch.uint8
    common = processor(IMAGE, "a", common_kwargs={"return_tensors": "np"})
    assert (common["pixel_values"].shape, common["input_ids"].shape) == ((1, 3, 4, 4), (1, 1))
    with pytest.raises(InputError, match="nothing to process"):
        processor()


def test_targets_are_texts(folder: Path) -> None:
    processor = ReaderProcessor.from_pretrained(folder)
    with processor.as_target_processor():
        assert processor("a b").input_ids == [0, 1]
        assert processor(text="b").input_ids == [1]
        assert processor.current_processor is processor.tokenizer
    assert processor.current_processor is processor.image_processor
    with pytest.raises(RuntimeError), processor.as_target_processor():
        raise RuntimeError
    assert processor(IMAGE).keys() == {"pixel_values"}


def test_texts_are_decoded(folder: Path) -> None:
    processor = ReaderProcessor.from_pretrained(folder)
    assert processor.decode([0, 1]) == "a b"
    assert processor.batch_decode(torch.tensor([[0, 1], [1, 1]])) == ["a b", "b b"]
    assert processor.post_process_image_text_to_text([[0, 1]]) == ["a b"]


def test_a_processor_is_a_json_file_and_applies_chat_templates(
    folder: Path, tmp_path: Path
) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    processor.to_json_file(tmp_path / "processor.json")
    written = (tmp_path / "processor.json").read_text(encoding="utf-8")
    assert json.loads(written) == json.loads(processor.to_json_string()) == processor.to_dict()
    processor.tokenizer.chat_template = "{{ messages[0]['content'] }}!"
    messages = [{"role": "user", "content": "a"}]
    assert processor.apply_chat_template(messages) == "a!"
    tokenized = processor.apply_chat_template(messages, tokenize=True)
    assert tokenized == processor.tokenizer.apply_chat_template(messages)


def test_saving_writes_what_both_generations_read(folder: Path) -> None:
    processor = ReaderProcessor.from_pretrained(folder)
    names = {Path(path).name for path in processor.save_pretrained(folder / "again")}
    assert names >= {"preprocessor_config.json", "processor_config.json", "tokenizer.json"}
    for name, key in (
        ("preprocessor_config.json", "processor_class"),
        ("tokenizer_config.json", "processor_class"),
        ("processor_config.json", "processor_class"),
    ):
        assert json.loads((folder / "again" / name).read_text())[key] == "ReaderProcessor"
    nested = json.loads((folder / "again" / "processor_config.json").read_text())
    assert nested["image_processor"]["image_processor_type"] == "ReaderImageProcessor"
    again = AutoProcessor.from_pretrained(folder / "again")
    assert type(again) is ReaderProcessor
    assert again.image_processor == processor.image_processor
    assert again(text="a").input_ids == [0]
    assert type(AutoTokenizer.from_pretrained(folder / "again")) is PreTrainedTokenizer
    with pytest.raises(NotADirectoryError):
        processor.save_pretrained(folder / "config.json")


def test_parts_come_from_one_revision_of_the_hub(files: dict[str, Any], hub: FakeHub) -> None:
    hub.add("someone/reader", files)
    processor = AutoProcessor.from_pretrained("someone/reader")
    assert processor.image_processor.do_flip
    assert processor(text="a").input_ids == [0]
    with pytest.raises(CheckpointNotFoundError):
        ReaderProcessor.from_pretrained("someone/reader", revision="elsewhere")


def test_processors_go_to_the_hub(folder: Path, hub: FakeHub) -> None:
    processor = ReaderProcessor.from_pretrained(folder)
    processor.push_to_hub("someone/pushed", token="hf_x")
    again = AutoProcessor.from_pretrained("someone/pushed")
    assert again.image_processor == processor.image_processor
    processor.save_pretrained(folder / "kept", push_to_hub=True, repo_id="someone/kept", token="x")
    assert AutoProcessor.from_pretrained("someone/kept")(text="a").input_ids == [0]
    alone = processor.image_processor
    alone.push_to_hub("someone/alone", token="hf_x", commit_message="Only images")
    alone.save_pretrained(folder / "a", push_to_hub=True, repo_id="someone/a", token="hf_x")
    for name in ("someone/alone", "someone/a"):
        assert AutoImageProcessor.from_pretrained(name).do_flip
    pushes = hub.repositories["someone/alone"].pushes
    assert [push["summary"] for push in pushes] == ["Only images"]


def test_both_parts_are_needed(folder: Path) -> None:
    with pytest.raises(InputError, match="needs an image_processor and a tokenizer"):
        ReaderProcessor(ReaderImageProcessor())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    former = ReaderProcessor(tokenizer=tokenizer, feature_extractor=ReaderImageProcessor())
    assert "ReaderImageProcessor" in repr(former)


PROVIDER = """
from automodel_core import Architecture, hookimpl
from automodel_core.configuration import PreTrainedConfig
from automodel_core.processing import ProcessorMixin
from automodel_core.text import PreTrainedTokenizer
from automodel_core.vision import BaseImageProcessor


class PageConfig(PreTrainedConfig):
    model_type = "page"


class PageImageProcessor(BaseImageProcessor):
    pass


class PageProcessor(ProcessorMixin):
    pass


@hookimpl
def automodel_architectures():
    return [
        Architecture(
            model_type="page",
            plugin_api=(1, 0),
            config=f"{__name__}:PageConfig",
            models={},
            image_processor=f"{__name__}:PageImageProcessor",
            processor=f"{__name__}:PageProcessor",
        )
    ]
"""


def test_the_plugin_chosen_provides_the_parts_too(
    tmp_path: Path, tokenizer_json: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    for name in ("one", "other"):
        (site.folder / f"page_of_{name}.py").write_text(PROVIDER, "utf-8")
        site.metadata(name, "automodel.architectures", {"page": f"page_of_{name}"})
    site.use(monkeypatch)
    monkeypatch.syspath_prepend(str(site.folder))
    AutoConfig.register("reader", ReaderConfig)
    AutoTokenizer.register(ReaderConfig, tokenizer_class=ReaderTokenizer)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "page"}))
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
    named = {"tokenizer_class": "ReaderTokenizer", "pad_token": "[UNK]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named))
    (tmp_path / "preprocessor_config.json").write_text("{}")

    with pytest.raises(PluginConflictError):
        AutoProcessor.from_pretrained(tmp_path)
    for name in ("one", "other"):
        processor = AutoProcessor.from_pretrained(tmp_path, plugin=name)
        assert type(processor).__module__ == f"page_of_{name}"
        assert type(processor.image_processor).__module__ == f"page_of_{name}"
        # What the plugin lacks may come from elsewhere.
        assert type(processor.tokenizer) is ReaderTokenizer
