"""Configurations: typed, read from files, overridden, written, and values like any other."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from automodel_core.configuration import PreTrainedConfig, PretrainedConfig, TokenId
from automodel_core.errors import CheckpointNotFoundError, ConfigurationError
from automodel_core.fields import PositiveInt, Probability


class Leaf(PreTrainedConfig):
    model_type = "leaf"
    aliases: ClassVar = {"hidden_size": "width"}

    width: PositiveInt = 8
    depth: PositiveInt = 2
    dropout: Probability = 0.1
    names: list[str] | None = None
    eos_token_id: TokenId = 1


class Bough(Leaf):
    model_type = "bough"

    twigs: PositiveInt = 3
    width: PositiveInt = 16


class Tree(PreTrainedConfig):
    model_type = "tree"

    crown: Leaf = Leaf()
    height: PositiveInt = 4

    def validate(self) -> None:
        if self.height > 100:
            raise ConfigurationError(f"Tree: height={self.height} touches the sky")


class OlderStyle(PreTrainedConfig):
    """As users of other libraries write them."""

    model_type = "older"

    def __init__(self, width: int = 3, pad_token_id: int = 5, **kwargs: Any) -> None:
        self.width = width
        super().__init__(pad_token_id=pad_token_id, **kwargs)


def written(folder: Path, values: Mapping[str, Any]) -> Path:
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


# ---- types ----


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("width", 0, "int >= 1"),
        ("width", "8", "int"),
        ("hidden_size", -1, "int >= 1"),
        ("dropout", 2, "float >= 0 and <= 1"),
        ("names", "x", "list of str or None"),
        ("problem_type", "guessing", "single_label_classification"),
        ("pad_token_id", "0", "int or None"),
        ("tie_word_embeddings", 1, "bool"),
        ("id2label", ["a"], "dict of int to str"),
    ],
)
def test_errors_name_class_key_value_and_expectation(
    key: str, value: object, expected: str, tmp_path: Path
) -> None:
    field = "width" if key == "hidden_size" else key
    with pytest.raises(ConfigurationError, match=rf"Leaf: {field}=.*{expected}"):
        Leaf(**{key: value})
    config = Leaf()
    with pytest.raises(ConfigurationError, match=expected):
        setattr(config, key, value)
    assert config == Leaf()
    with pytest.raises(ConfigurationError, match=rf"read from .*{tmp_path.name}.*{field}"):
        Leaf.from_pretrained(written(tmp_path, {"model_type": "leaf", key: value}))


def test_an_error_before_the_end_of_an_older_constructor() -> None:
    class Hasty(PreTrainedConfig):
        def __init__(self, **kwargs: Any) -> None:
            self.pad_token_id = "zero"
            super().__init__(**kwargs)

    with pytest.raises(ConfigurationError, match="pad_token_id='zero'"):
        Hasty()


def test_positional_arguments_are_the_own_keys_in_order() -> None:
    config = Leaf(5, 6, 0.5)
    assert (config.width, config.depth, config.dropout) == (5, 6, 0.5)
    assert Bough(9).width == 9
    with pytest.raises(TypeError, match="at most 5"):
        Leaf(1, 2, 0.1, None, 1, 7)
    with pytest.raises(TypeError, match="'width' twice"):
        Leaf(1, width=2)


def test_subclasses_inherit_fields_and_replace_defaults() -> None:
    config = Bough()
    assert (config.width, config.depth, config.twigs) == (16, 2, 3)
    assert (Leaf().width, config.hidden_size) == (8, 16)
    with pytest.raises(ConfigurationError, match="Bough: twigs"):
        Bough(twigs=0)


def test_defaults_are_not_shared() -> None:
    class Listed(PreTrainedConfig):
        marks: list[int] = [1]  # noqa: RUF012

    first, second = Listed(), Listed()
    first.marks.append(2)
    assert second.marks == [1]


# ---- names ----


def test_an_alias_reads_and_writes_its_field() -> None:
    config = Leaf(hidden_size=12)
    assert config.width == config.hidden_size == 12
    config.hidden_size = 20
    assert config.width == 20
    assert "hidden_size" not in config.to_dict()
    assert "hidden_size" not in list(config)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Leaf has no attribute 'colour'"):
        Leaf().colour  # noqa: B018


def test_names_that_users_know() -> None:
    assert PretrainedConfig is PreTrainedConfig
    config = Leaf(torch_dtype="float16", name_or_path="somewhere")
    assert config.dtype == config.torch_dtype == torch.float16
    assert config.to_dict()["dtype"] == "float16"
    assert config.name_or_path == config._name_or_path == "somewhere"
    config.name_or_path = "else"
    assert config._name_or_path == config.name_or_path == "else"
    assert config.use_return_dict is True
    assert config.get_text_config() is config


@pytest.mark.parametrize(("given", "limit"), [({}, None), ({"max_position_embeddings": 9}, 9)])
def test_how_many_positions_there_are(given: dict[str, int], limit: int | None) -> None:
    assert Leaf(**given).position_limit == limit
    assert Leaf(max_position_embeddings=0).position_limit is None


# ---- unknown and reserved keys ----


def test_unknown_keys_are_kept_and_written_back(tmp_path: Path) -> None:
    extra = {"n_positions": 512, "task_specific_params": {"a": {"b": [1, 2.5, None]}}}
    config = Leaf.from_pretrained(written(tmp_path, {"model_type": "leaf", "width": 3, **extra}))
    assert config.n_positions == 512
    config.save_pretrained(tmp_path / "again")
    values = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert {key: values[key] for key in extra} == extra
    assert values["width"] == 3


@pytest.mark.parametrize(
    "key", ["validate", "to_dict", "update", "__class__", "__dict__", "_checked", "__init__"]
)
def test_a_key_may_not_replace_a_method(key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        Leaf.from_dict({key: {}})


@pytest.mark.parametrize(
    "key",
    ["_attn_implementation", "_attn_implementation_internal", "attn_implementation",
     "trust_remote_code", "_experts_implementation_internal"],
)  # fmt: skip
def test_a_file_may_not_choose_what_only_the_caller_may(key: str, tmp_path: Path) -> None:
    config = Leaf.from_pretrained(written(tmp_path, {"model_type": "leaf", key: "evil/kernel"}))
    assert config._attn_implementation is None
    assert key not in config.to_dict()
    assert key == "_attn_implementation" or key not in vars(config)
    assert (
        Leaf.from_pretrained(tmp_path, attn_implementation="eager")._attn_implementation == "eager"
    )


def test_a_nested_part_may_not_either() -> None:
    config = Tree.from_dict({"crown": {"trust_remote_code": True, "width": 3}})
    assert config.crown.width == 3
    assert "trust_remote_code" not in config.to_json_string()


# ---- reading ----


def test_arguments_override_and_the_rest_is_returned(tmp_path: Path) -> None:
    folder = written(tmp_path, {"model_type": "leaf", "width": 3, "kept": 1})
    config, unused = Leaf.from_pretrained(
        folder, hidden_size=5, kept=2, colour="red", return_unused_kwargs=True
    )
    assert (config.width, config.kept, unused) == (5, 2, {"colour": "red"})
    assert config._name_or_path == str(folder)
    assert Leaf.from_pretrained(folder / "config.json").width == 3
    assert Leaf.from_json_file(folder / "config.json").width == 3
    with pytest.raises(ConfigurationError, match="width"):
        Leaf.from_pretrained(folder, width=0)


def test_overrides_are_checked_together() -> None:
    with pytest.raises(ConfigurationError, match="touches the sky"):
        Tree.from_dict({}, height=101)


def test_another_model_type_is_not_silent(tmp_path: Path) -> None:
    folder = written(tmp_path, {"model_type": "oak", "width": 3})
    with pytest.warns(UserWarning, match=r"'oak'.*Leaf.*'leaf'"):
        config = Leaf.from_pretrained(folder)
    assert config.model_type == "leaf"
    assert config.to_dict()["model_type"] == "leaf"


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"config\.json"):
        Leaf.from_pretrained(tmp_path)


def test_the_caller_keeps_his_dictionary() -> None:
    values = {"names": ["a"], "extra": {"deep": [1]}}
    before = copy.deepcopy(values)
    config = Leaf.from_dict(values)
    config.names.append("b")
    config.extra["deep"].append(2)
    assert values == before


# ---- nested ----


def test_nested_configurations(tmp_path: Path) -> None:
    config = Tree(crown={"width": 5}, height=7)
    assert isinstance(config.crown, Leaf)
    config.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert values["crown"]["model_type"] == "leaf"
    again = Tree.from_pretrained(tmp_path, crown={"depth": 9}, height=8)
    assert (again.crown.width, again.crown.depth, again.height) == (5, 9, 8)
    assert again.to_dict()["crown"]["depth"] == 9
    with pytest.raises(ConfigurationError, match="depth"):
        Tree.from_pretrained(tmp_path, crown={"depth": 0})


# ---- writing ----


@pytest.mark.parametrize(
    "config",
    [
        Leaf(),
        Leaf(width=3, names=["a"], num_labels=4, eos_token_id=[1, 2], extra={"x": [None, True]}),
        Bough(twigs=1, dtype="bfloat16"),
        Tree(crown={"width": 2}),
        OlderStyle(7, use_cache=False),
    ],
    ids=lambda config: type(config).__name__,
)
def test_there_and_back(config: PreTrainedConfig, tmp_path: Path) -> None:
    kind = type(config)
    assert kind.from_dict(config.to_dict()) == config
    assert kind.from_dict(config.to_diff_dict()) == config
    assert kind.from_dict(json.loads(config.to_json_string(use_diff=False))) == config
    config.save_pretrained(tmp_path)
    again = kind.from_pretrained(tmp_path)
    assert again == config
    again.to_json_file(tmp_path / "other.json", use_diff=False)
    assert kind.from_json_file(tmp_path / "other.json") == config
    for other in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config
        assert type(other) is kind


def test_only_what_differs_is_written() -> None:
    values = Leaf(pad_token_id=3).to_diff_dict()
    assert values["pad_token_id"] == 3
    assert values["width"] == 8, "own keys are always written"
    assert not {"id2label", "is_decoder", "bos_token_id", "_name_or_path"} & values.keys()
    assert Leaf(num_labels=3).to_diff_dict()["id2label"][2] == "LABEL_2"


def test_what_json_cannot_hold_is_written_by_its_name() -> None:
    torch = pytest.importorskip("torch")
    config = Leaf(dtype=torch.bfloat16)
    assert json.loads(config.to_json_string())["dtype"] == "bfloat16"
    config.ids = (1, 2)
    assert json.loads(config.to_json_string())["ids"] == [1, 2]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("x", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="file"):
        Leaf().save_pretrained(target)


# ---- as a value ----


def test_equality_and_appearance() -> None:
    assert Leaf() == Leaf()
    assert Leaf() != Leaf(width=3)
    assert Leaf() != Bough(width=8)
    assert Leaf() != "Leaf"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Leaf())
    assert repr(Leaf()).startswith("Leaf {")
    assert '"width": 8' in repr(Leaf())


def test_updates_are_checked() -> None:
    config = Leaf()
    config.update({"hidden_size": 4, "colour": "red"})
    assert (config.width, config.colour) == (4, "red")
    with pytest.raises(ConfigurationError, match="width"):
        config.update({"width": None})


@pytest.mark.parametrize("key", ["to_dict", "from_dict", "validate", "__class__"])
def test_no_value_replaces_a_method(key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{key}' is a method"):
        Leaf.from_dict({key: "of a file"})
    with pytest.raises(ConfigurationError, match="rename the key"):
        setattr(Leaf(), key, 1)


def test_configurations_need_no_torch() -> None:
    code = (
        "import sys; from automodel_core.configuration import PreTrainedConfig as C; "
        "C.from_dict({'a': 1}).to_json_string(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
