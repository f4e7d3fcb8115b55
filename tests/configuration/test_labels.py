"""The names of labels, their indices and their number agree, whoever gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError


class Leaf(PreTrainedConfig):
    model_type = "leaf"


def test_labels() -> None:
    config = Leaf()
    assert (config.num_labels, config.id2label) == (2, {0: "LABEL_0", 1: "LABEL_1"})
    config = Leaf(num_labels=3)
    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    config.num_labels = 1
    assert config.id2label == {0: "LABEL_0"}
    config = Leaf(id2label={"0": "no", "1": "yes", "2": "maybe"})
    assert (config.num_labels, config.label2id) == (3, {"no": 0, "yes": 1, "maybe": 2})
    config = Leaf(label2id={"no": 0, "yes": 1, "maybe": 2})
    assert (config.num_labels, config.id2label) == (3, {0: "no", 1: "yes", 2: "maybe"})
    assert Leaf(num_labels=2, id2label={0: "a", 1: "b"}).id2label == {0: "a", 1: "b"}
    with pytest.raises(ConfigurationError, match="num_labels=3 contradicts id2label"):
        Leaf(num_labels=3, id2label={0: "a", 1: "b"})
    for wrong in (-1, True, "2", 1.5):
        with pytest.raises(ConfigurationError, match="num_labels"):
            Leaf(num_labels=wrong)


def test_labels_of_a_file_are_overridden(tmp_path: Path) -> None:
    values: dict[str, Any] = {"model_type": "leaf", "id2label": {"0": "a", "1": "b"}}
    (tmp_path / "config.json").write_text(json.dumps(values))
    folder = tmp_path
    assert Leaf.from_pretrained(folder, num_labels=4).id2label[3] == "LABEL_3"
    assert Leaf.from_pretrained(folder, num_labels=2).id2label == {0: "a", 1: "b"}
    labels = {0: "x", 1: "y", 2: "z"}
    indices = {"x": 0, "y": 1, "z": 2}
    for given in ({"num_labels": 3}, {}):
        config = Leaf.from_pretrained(folder, id2label=labels, **given)
        assert (config.id2label, config.label2id) == (labels, indices)
    for given in ({"num_labels": 3, "label2id": indices}, {"label2id": indices, "num_labels": 3}):
        config = Leaf.from_pretrained(folder, **given)
        assert (config.num_labels, config.label2id) == (3, indices)
    config = Leaf.from_pretrained(folder, label2id={"z": 0}, id2label=labels)
    assert config.label2id == {"z": 0}


def test_a_number_of_labels_beside_names_that_are_none() -> None:
    for config in (
        Leaf(num_labels=1, id2label=None),
        Leaf.from_dict({"id2label": {"0": "no", "1": "yes"}}, num_labels=1, id2label=None),
        Leaf.from_dict({}, num_labels=1, id2label=None, label2id=None),
    ):
        assert config.num_labels == 1
        assert config.id2label == {0: "LABEL_0"}
        assert config.label2id == {"LABEL_0": 0}
