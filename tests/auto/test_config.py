"""AutoConfig: whose configuration a checkpoint has, and what the caller changes in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoConfig
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    ConfigurationError,
    InputError,
    RegistrationError,
    RemoteCodeRefusedError,
    UnknownModelTypeError,
)


def write(folder: Path, **values: Any) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    return folder


def test_it_is_not_constructed() -> None:
    with pytest.raises(OSError, match=r"AutoConfig.from_pretrained\(pretrained_model_name_or_path"):
        AutoConfig()


def test_the_model_type_chooses_the_class(tiny_gpt: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "x", model_type="tiny-gpt", hidden_size=8, unknown_key=[1])
    config = AutoConfig.from_pretrained(folder)
    assert type(config) is tiny_gpt.TinyGptConfig
    assert (config.hidden_size, config.unknown_key) == (8, [1])
    assert config.name_or_path == str(folder)
    assert AutoConfig.from_pretrained(str(folder / "config.json")).hidden_size == 8


def test_arguments_override_keys(tiny_gpt: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, model_type="tiny-gpt")
    config, unused = AutoConfig.from_pretrained(
        folder, hidden_size=24, num_labels=3, other=1, return_unused_kwargs=True, _from_auto=True
    )
    assert (config.hidden_size, config.num_labels) == (24, 3)
    assert unused == {"other": 1}


def test_a_misspelt_argument_is_reported_with_the_closest_key(
    tiny_gpt: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, model_type="tiny-gpt")
    with pytest.warns(UserWarning, match=r"has no 'hiden_size' \(did you mean 'hidden_size'\?\)"):
        AutoConfig.from_pretrained(folder, hiden_size=3)


def test_the_caller_can_name_the_model_type(tiny_gpt: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, model_type="elsewhere", hidden_size=8)
    config = AutoConfig.from_pretrained(folder, model_type="tiny-gpt")
    assert type(config) is tiny_gpt.TinyGptConfig
    with pytest.raises(InputError, match=r"model_type=3: expected a model type"):
        AutoConfig.from_pretrained(folder, model_type=3)


def test_without_a_model_type_the_name_is_asked_and_the_caller_told(
    tiny_gpt: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path / "my-tiny-gpt-large", hidden_size=8)
    with pytest.warns(UserWarning, match=r"'tiny-gpt' is taken from the name"):
        assert AutoConfig.from_pretrained(folder).hidden_size == 8
    with pytest.raises(UnknownModelTypeError, match=r"has no model_type.*tiny-gpt"):
        AutoConfig.from_pretrained(write(tmp_path / "nothing"))


def test_the_longest_model_type_in_the_name_is_taken(tiny_gpt: Any, tmp_path: Path) -> None:
    class Longer(PreTrainedConfig):
        model_type = "tiny-gpt-longer"

    AutoConfig.register("tiny-gpt-longer", Longer)
    folder = write(tmp_path / "tiny-gpt-longer-base")
    with pytest.warns(UserWarning, match=r"is taken from the name"):
        assert type(AutoConfig.from_pretrained(folder)) is Longer


def test_an_unknown_model_type_says_what_is_installed(tiny_gpt: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, model_type="tiny-gtp")
    with pytest.raises(UnknownModelTypeError, match=r"tiny-gtp.*did you mean 'tiny-gpt'") as caught:
        AutoConfig.from_pretrained(folder)
    assert "installed are: tiny-gpt" in str(caught.value)


@pytest.mark.parametrize("model_type", [3, "", ["tiny-gpt"]])
def test_a_model_type_is_a_name(tiny_gpt: Any, tmp_path: Path, model_type: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"config.json of .* model_type is"):
        AutoConfig.from_pretrained(write(tmp_path, model_type=model_type))


@pytest.mark.parametrize("values", [{}, {"model_type": "private"}])
def test_code_in_the_checkpoint_is_never_the_way(
    tiny_gpt: Any, tmp_path: Path, values: dict[str, str]
) -> None:
    folder = write(tmp_path, auto_map={"AutoConfig": "configuration_private.Config"}, **values)
    (folder / "configuration_private.py").write_text("raise SystemExit", "utf-8")
    with pytest.raises(RemoteCodeRefusedError, match=r"install a package"):
        AutoConfig.from_pretrained(folder)
    for asked in ({"trust_remote_code": True}, {"code_revision": "main"}):
        with pytest.raises(RemoteCodeRefusedError, match=r"leave the argument out"):
            AutoConfig.from_pretrained(folder, **asked)


def test_code_in_the_checkpoint_is_ignored_where_a_plugin_serves(
    tiny_gpt: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, model_type="tiny-gpt", auto_map={"AutoConfig": "x.Y"})
    for refused in (False, None):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=refused)
        assert type(config) is tiny_gpt.TinyGptConfig


def test_a_folder_without_config_lists_what_it_has(tiny_gpt: Any, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointNotFoundError, match=r"no config.json.*'model.safetensors'"):
        AutoConfig.from_pretrained(tmp_path)
    write(tmp_path / "encoder", model_type="tiny-gpt")
    with pytest.raises(CheckpointNotFoundError, match=r"There is one in subfolder='encoder'"):
        AutoConfig.from_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path, subfolder="encoder").hidden_size == 512
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(CheckpointNotFoundError, match=r"holds an adapter: its .* names the model"):
        AutoConfig.from_pretrained(tmp_path)


def test_broken_json_names_the_file(tiny_gpt: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(CheckpointFormatError, match=r"config.json.*is not a valid JSON file"):
        AutoConfig.from_pretrained(tmp_path)


def test_for_model_builds_one(tiny_gpt: Any) -> None:
    config = AutoConfig.for_model("tiny-gpt", hidden_size=8)
    assert type(config) is tiny_gpt.TinyGptConfig
    assert config.hidden_size == 8
    with pytest.raises(ValueError, match=r"no-such"):
        AutoConfig.for_model("no-such")


class NewConfig(PreTrainedConfig):
    """A configuration of this test."""

    model_type = "new-model"
    width: int = 4


def test_register_and_read(tiny_gpt: Any, tmp_path: Path) -> None:
    AutoConfig.register("new-model", NewConfig)
    NewConfig(width=6).save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert type(config) is NewConfig
    assert config.width == 6


def test_register_refuses_what_contradicts(tiny_gpt: Any) -> None:
    with pytest.raises(ValueError, match=r"not consistent"):
        AutoConfig.register("other-model", NewConfig)
    with pytest.raises(RegistrationError, match=r"provided by plugin automodel-tiny-gpt"):
        AutoConfig.register("tiny-gpt", tiny_gpt.TinyGptConfig)
    with pytest.raises(RegistrationError, match=r"has no from_dict"):
        AutoConfig.register("plain", type("Plain", (), {"model_type": "plain"}))
    AutoConfig.register("new-model", NewConfig)
    with pytest.raises(RegistrationError, match=r"already registered"):
        AutoConfig.register("new-model", NewConfig)
    AutoConfig.register("new-model", NewConfig, exist_ok=True)


def test_a_registered_class_replaces_a_plugins(tiny_gpt: Any, tmp_path: Path) -> None:
    class Mine(tiny_gpt.TinyGptConfig):  # type: ignore[name-defined,misc]
        pass

    AutoConfig.register("tiny-gpt", Mine, exist_ok=True)
    assert type(AutoConfig.from_pretrained(write(tmp_path, model_type="tiny-gpt"))) is Mine


def test_the_home_folder_has_a_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = PreTrainedConfig(problem_type="regression")
    config.save_pretrained("~/saved")
    assert (tmp_path / "saved" / "config.json").is_file()
    for name in ("~/saved", "~/saved/config.json"):
        assert PreTrainedConfig.from_pretrained(name).problem_type == "regression"
    with pytest.raises(CheckpointNotFoundError, match="no folder '~/gone'"):
        PreTrainedConfig.from_pretrained("~/gone")
    for call in (config.save_pretrained, PreTrainedConfig.from_pretrained):
        with pytest.raises(InputError, match="empty"):
            call("")
