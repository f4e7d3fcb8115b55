"""Configurations of composites: of any two architectures, read, changed, written, without torch."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoConfig, registry
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import (
    ConfigurationError,
    PluginNotInstalledError,
    UnknownModelTypeError,
)
from automodel_core.families.pair.configuration import CompositeConfig
from automodel_core.fields import PositiveInt
from automodel_core.registry import hints
from automodel_core.registry.hints import Known
from automodel_core.registry.registry import Registry


class Reader(PreTrainedConfig):
    model_type = "reader"

    hidden_size: PositiveInt = 8


class Writer(PreTrainedConfig):
    model_type = "writer"
    aliases = {"hidden_size": "width"}  # noqa: RUF012 - a ClassVar of the base

    width: PositiveInt = 8
    depth: PositiveInt = 2
    pad_token_id: int | None = 3

    def validate(self) -> None:
        if self.depth > self.width:
            raise ConfigurationError(f"Writer: depth={self.depth} is more than width={self.width}")


class Pair(CompositeConfig):
    model_type = "pair"


SIDES = {"encoder": {"model_type": "reader"}, "decoder": {"model_type": "writer", "depth": 4}}


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process see these three, and know who provides two others."""
    monkeypatch.setattr(registry, "_registry", Registry([], {}))
    for kind in (Reader, Writer, Pair):
        registry.architectures.register_config(kind.model_type, kind)
    known = {name: Known(f"automodel-{name}", ("base",)) for name in ("seer", "poet", "couple")}
    monkeypatch.setattr(hints, "catalogue", lambda: known)


def test_both_sides_are_configurations_of_their_own_architectures() -> None:
    config = Pair(**SIDES, pad_token_id=1)
    assert type(config.encoder) is Reader
    assert type(config.decoder) is Writer
    assert config.decoder.depth == 4
    assert config.decoder.is_decoder
    assert config.decoder.add_cross_attention
    assert not config.encoder.is_decoder
    assert config.is_encoder_decoder
    assert config.get_text_config() is config.get_text_config(decoder=True) is config.decoder


def test_what_the_pair_does_not_say_the_decoder_does() -> None:
    config = Pair(**SIDES)
    assert (config.padding_token_id, config.start_token_id) == (3, None)
    config.decoder.decoder_start_token_id = 5
    assert (config.padding_token_id, config.start_token_id) == (3, 5)
    config.pad_token_id, config.decoder_start_token_id = 0, 7
    assert (config.padding_token_id, config.start_token_id) == (0, 7)


def test_it_is_made_from_two_configurations_which_stay_as_they_are() -> None:
    reader, writer = Reader(hidden_size=16), Writer()
    config = Pair.from_encoder_decoder_configs(reader, writer, tie_encoder_decoder=True)
    assert config.encoder == reader
    assert config.encoder is not reader
    assert config.decoder.add_cross_attention
    assert not writer.add_cross_attention
    assert config.tie_encoder_decoder


def test_it_goes_through_a_file_and_a_pickle(tmp_path: Path) -> None:
    config = Pair(**SIDES, of_tomorrow=1)
    config.encoder.of_yesterday = [2]
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["model_type"] == "pair"
    assert written["encoder"] == {"model_type": "reader", "hidden_size": 8, "of_yesterday": [2]}
    assert written["decoder"]["model_type"] == "writer"
    again = AutoConfig.from_pretrained(tmp_path)
    assert again == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_dict_changes_keys_of_a_side(tmp_path: Path) -> None:
    Pair(**SIDES).save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path, decoder={"hidden_size": 16}, bos_token_id=5)
    assert (config.decoder.width, config.decoder.depth, config.bos_token_id) == (16, 4, 5)
    config.update({"encoder": {"hidden_size": 4}})
    assert config.encoder.hidden_size == 4
    with pytest.raises(ConfigurationError, match="depth=20 is more than width=8"):
        AutoConfig.from_pretrained(tmp_path, decoder={"depth": 20})
    with pytest.raises(ConfigurationError, match="has model_type 'writer', not 'reader'"):
        AutoConfig.from_pretrained(tmp_path, decoder={"model_type": "reader"})
    config = AutoConfig.from_pretrained(tmp_path, encoder=Writer(depth=1))
    assert type(config.encoder) is Writer


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ({}, "encoder=None"),
        ({"encoder": {"model_type": "reader"}}, "decoder=None"),
        ({**SIDES, "decoder": {"depth": 3}}, "a dict with a model_type"),
        ({**SIDES, "decoder": "writer"}, "decoder='writer'"),
        ({**SIDES, "encoder": {"model_type": "reader", "hidden_size": 0}}, "Reader.*hidden_size=0"),
        (
            {**SIDES, "decoder": {"model_type": "writer", "cross_attention_hidden_size": 9}},
            "cross_attention_hidden_size=9 must be the encoder's hidden_size=8",
        ),
    ],
)
def test_what_is_wrong_is_named(sides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Pair(**sides)


def test_one_error_names_both_sides_and_installs_what_is_missing() -> None:
    with pytest.raises(PluginNotInstalledError) as caught:
        Pair(encoder={"model_type": "seer"}, decoder={"model_type": "writer"})
    assert str(caught.value) == (
        "Pair joins encoder 'seer' (missing) and decoder 'writer' (installed): model type 'seer', "
        "provided by automodel-seer, which is not installed; run: pip install automodel-seer"
    )
    with pytest.raises(PluginNotInstalledError) as caught:
        Pair(encoder={"model_type": "seer"}, decoder={"model_type": "poet"})
    assert "encoder 'seer' (missing) and decoder 'poet' (missing)" in str(caught.value)
    assert str(caught.value).endswith("run: pip install automodel-poet automodel-seer")


def test_an_architecture_that_nobody_knows_is_told_from_one_to_install() -> None:
    with pytest.raises(UnknownModelTypeError) as caught:
        Pair(encoder={"model_type": "seers"}, decoder={"model_type": "poet"})
    assert not isinstance(caught.value, PluginNotInstalledError)
    assert "pip install automodel-poet" in str(caught.value)
    assert "'seers', which no installed plugin provides (did you mean 'seer'?)" in str(caught.value)


def test_a_checkpoint_names_all_that_it_needs(tmp_path: Path) -> None:
    sides = {"encoder": {"model_type": "seer"}, "decoder": {"model_type": "poet"}}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "couple", **sides}))
    with pytest.raises(PluginNotInstalledError) as caught:
        AutoConfig.from_pretrained(tmp_path)
    assert str(caught.value).endswith("pip install automodel-couple automodel-poet automodel-seer")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "pair", **sides}))
    with pytest.raises(PluginNotInstalledError, match=f"checkpoint '{tmp_path}' has model type"):
        AutoConfig.from_pretrained(tmp_path)


def test_it_needs_no_torch() -> None:
    code = (
        "import sys, automodel_core.families.pair.configuration; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
