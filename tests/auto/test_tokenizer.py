"""AutoTokenizer: which class reads a checkpoint's tokenizer."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoConfig, AutoTokenizer
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    CheckpointNotFoundError,
    InputError,
    PluginNotInstalledError,
    RegistrationError,
    RemoteCodeRefusedError,
    TokenizationError,
    UnknownModelTypeError,
)
from automodel_core.text import PreTrainedTokenizer


class WordConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "words"


class WordTokenizer(PreTrainedTokenizer):
    """A tokenizer of this test."""


class OtherTokenizer(PreTrainedTokenizer):
    """Another tokenizer of this test."""


@pytest.fixture
def words(tiny_gpt: Any) -> None:
    """Register a model type with a tokenizer; the installed one has none."""
    AutoConfig.register("words", WordConfig)
    AutoTokenizer.register(WordConfig, fast_tokenizer_class=WordTokenizer)


@pytest.fixture
def folder(tmp_path: Path, tokenizer_json: bytes) -> Path:
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
    return tmp_path


def say(folder: Path, config: dict[str, Any] | None = None, **settings: Any) -> Path:
    """Write the files that name a class."""
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def test_it_is_not_constructed() -> None:
    with pytest.raises(OSError, match=r"call `AutoTokenizer.from_pretrained\("):
        AutoTokenizer()


@pytest.mark.parametrize("name", ["WordTokenizer", "WordTokenizerFast"])
def test_the_named_class_is_used_with_or_without_fast(words: None, folder: Path, name: str) -> None:
    assert type(AutoTokenizer.from_pretrained(say(folder, tokenizer_class=name))) is WordTokenizer
    config = {"model_type": "tiny-gpt"}
    found = AutoTokenizer.from_pretrained(say(folder, config, tokenizer_class=name), use_fast=True)
    assert type(found) is WordTokenizer


def test_the_architecture_decides_if_nothing_is_named(words: None, folder: Path) -> None:
    say(folder, {"model_type": "words"})
    assert type(AutoTokenizer.from_pretrained(folder, use_fast=False)) is WordTokenizer
    say(folder, {"model_type": "words", "tokenizer_class": "PreTrainedTokenizerFast"})
    assert type(AutoTokenizer.from_pretrained(folder)) is PreTrainedTokenizer


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_generic_names_mean_the_file(words: None, folder: Path, name: str) -> None:
    say(folder, {"model_type": "words"}, tokenizer_class=name)
    assert type(AutoTokenizer.from_pretrained(folder)) is PreTrainedTokenizer


def test_a_tokenizer_file_alone_is_enough(tiny_gpt: Any, folder: Path) -> None:
    for config in (None, {"model_type": "tiny-gpt"}, {"model_type": "private"}, {"d_model": 3}):
        tokenizer = AutoTokenizer.from_pretrained(say(folder, config))
        assert type(tokenizer) is PreTrainedTokenizer
        assert tokenizer("b a").input_ids == [1, 0]
    single = AutoTokenizer.from_pretrained(folder / "tokenizer.json")
    assert single("b").input_ids == [1]


def test_a_class_that_is_not_installed_is_told(tiny_gpt: Any, folder: Path) -> None:
    say(folder, {"model_type": "tiny-gpt"}, tokenizer_class="PrivateTokenizerFast")
    with pytest.warns(UserWarning, match=r"'PrivateTokenizerFast' of .* no installed plugin"):
        assert type(AutoTokenizer.from_pretrained(folder)) is PreTrainedTokenizer
    (folder / "tokenizer.json").unlink()
    with pytest.raises(TokenizationError, match=r"no tokenizer.json.*tokenizer_type="):
        AutoTokenizer.from_pretrained(folder)
    say(folder, tokenizer_class="PrivateTokenizer", auto_map={"AutoTokenizer": ["x.Y", None]})
    with pytest.raises(RemoteCodeRefusedError, match=r"never run"):
        AutoTokenizer.from_pretrained(folder)


def test_a_known_plugin_that_is_missing_is_named(tiny_gpt: Any, folder: Path) -> None:
    from automodel_core.registry.hints import catalogue

    model_type, known = next(iter(catalogue().items()))
    say(folder, {"model_type": model_type})
    with pytest.raises(PluginNotInstalledError, match=f"pip install {known.distribution}"):
        AutoTokenizer.from_pretrained(folder)
    say(folder, {"model_type": model_type}, tokenizer_class="PreTrainedTokenizerFast")
    assert type(AutoTokenizer.from_pretrained(folder)) is PreTrainedTokenizer


def test_nothing_to_read_says_what_there_is(tiny_gpt: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("", "utf-8")
    with pytest.raises(CheckpointNotFoundError, match=r"has no tokenizer.*'notes.txt'"):
        AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(TokenizationError, match=r"architecture has no tokenizer of its own"):
        AutoTokenizer.from_pretrained(say(tmp_path, {"model_type": "tiny-gpt"}))
    with pytest.raises(UnknownModelTypeError, match=r"private"):
        AutoTokenizer.from_pretrained(say(tmp_path, {"model_type": "private"}))
    with pytest.raises(InputError, match=r"single file: say with tokenizer_type="):
        AutoTokenizer.from_pretrained(tmp_path / "notes.txt")


def test_the_caller_chooses(words: None, folder: Path) -> None:
    say(folder, {"model_type": "tiny-gpt"}, tokenizer_class="OtherTokenizer")
    for chosen in ({"config": WordConfig()}, {"tokenizer_type": "words"}, {"model_type": "words"}):
        assert type(AutoTokenizer.from_pretrained(folder, **chosen)) is WordTokenizer
    with pytest.raises(TokenizationError, match=r"'tiny-gpt' has no tokenizer"):
        AutoTokenizer.from_pretrained(folder, tokenizer_type="tiny-gpt")
    with pytest.raises(UnknownModelTypeError, match=r"private"):
        AutoTokenizer.from_pretrained(folder, tokenizer_type="private")
    with pytest.raises(InputError, match=r"gguf_file= is not supported"):
        AutoTokenizer.from_pretrained(folder, gguf_file="x.gguf")
    with pytest.raises(RemoteCodeRefusedError, match=r"never"):
        AutoTokenizer.from_pretrained(folder, trust_remote_code=True)


def test_settings_are_overridden_and_hub_arguments_are_not_settings(
    words: None, folder: Path
) -> None:
    say(folder, {"model_type": "words"}, model_max_length=8, tokenizer_class="WordTokenizer")
    tokenizer = AutoTokenizer.from_pretrained(
        folder, model_max_length=4, revision="main", trust_remote_code=False
    )
    assert tokenizer.model_max_length == 4
    assert "revision" not in tokenizer.init_kwargs


def test_parts_of_a_composite(words: None, folder: Path) -> None:
    class Composite(PreTrainedConfig):
        model_type = "composite"

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.encoder, self.decoder = WordConfig(), OtherConfig()

    class OtherConfig(PreTrainedConfig):
        model_type = "others"

    AutoConfig.register("composite", Composite)
    say(folder, {"model_type": "composite"})
    with warnings.catch_warnings():
        assert type(AutoTokenizer.from_pretrained(folder)) is WordTokenizer
    AutoTokenizer.register(OtherConfig, tokenizer_class=OtherTokenizer)
    with pytest.warns(UserWarning, match=r"have different tokenizers; WordTokenizer"):
        assert type(AutoTokenizer.from_pretrained(folder)) is WordTokenizer
    say(folder, {"model_type": "composite"}, tokenizer_class="WordTokenizer")
    assert type(AutoTokenizer.from_pretrained(folder)) is WordTokenizer


def test_a_registered_tokenizer_is_found_after_saving(words: None, folder: Path) -> None:
    tokenizer = WordTokenizer.from_pretrained(folder)
    assert tokenizer.saved_class_name == "PreTrainedTokenizerFast"
    with pytest.raises(RegistrationError, match=r"already registered"):
        AutoTokenizer.register(WordConfig, OtherTokenizer)
    AutoTokenizer.register(WordConfig, OtherTokenizer, exist_ok=True)
    say(folder, tokenizer_class="OtherTokenizer")
    assert type(AutoTokenizer.from_pretrained(folder)) is OtherTokenizer
    with pytest.raises(RegistrationError, match=r"give a tokenizer_class"):
        AutoTokenizer.register(WordConfig)
