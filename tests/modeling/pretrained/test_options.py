"""The arguments of from_pretrained: meant, accepted for old callers, refused."""

from __future__ import annotations

import pytest
import torch

from automodel_core.checkpoint.places.options import INTERNAL
from automodel_core.errors import InputError, RemoteCodeRefusedError
from automodel_core.modeling.pretrained.options import (
    NOT_OFFERED,
    WITHOUT_EFFECT,
    LoadOptions,
    dtype_named,
)
from support.tiny_lm import TinyConfig, TinyForTokenClassification, TinyModel, drawn


@pytest.fixture
def folder(tmp_path):
    drawn(TinyForTokenClassification).save_pretrained(tmp_path)
    return tmp_path


def test_unknown_arguments_go_to_the_constructor(folder) -> None:
    model = TinyForTokenClassification.from_pretrained(folder, scale=2.0)
    assert model.scale == 2.0
    with pytest.raises(TypeError, match="colour"):
        TinyForTokenClassification.from_pretrained(folder, colour="red")
    with pytest.raises(TypeError, match=r"no use for.*'red'|takes"):
        TinyModel(TinyConfig(), "red")
    with pytest.raises(TypeError, match="from_pretrained"):
        TinyModel("tiny")


def test_arguments_that_name_configuration_keys(folder) -> None:
    model = TinyForTokenClassification.from_pretrained(folder, output_attentions=True)
    assert model.config.output_attentions
    config = TinyConfig()
    with pytest.raises(TypeError, match="output_attentions"):
        TinyForTokenClassification.from_pretrained(folder, config=config, output_attentions=True)


@pytest.mark.parametrize("key", ["trust_remote_code", "code_revision"])
def test_code_of_a_checkpoint_is_never_run(folder, key: str) -> None:
    with pytest.raises(RemoteCodeRefusedError, match=key):
        TinyForTokenClassification.from_pretrained(folder, **{key: "main"})
    TinyForTokenClassification.from_pretrained(folder, **{key: None})
    TinyForTokenClassification.from_pretrained(folder, trust_remote_code=False)


@pytest.mark.parametrize("key", sorted(NOT_OFFERED))
def test_what_is_not_offered_says_what_is(folder, key: str) -> None:
    with pytest.raises(InputError, match=f"{key}= is not supported: (?:[a-z]|GGUF )"):
        TinyForTokenClassification.from_pretrained(folder, **{key: True})
    TinyForTokenClassification.from_pretrained(folder, **{key: None})


@pytest.mark.parametrize("key", sorted(WITHOUT_EFFECT | INTERNAL))
def test_what_has_no_effect_any_more_is_accepted(folder, key: str) -> None:
    TinyForTokenClassification.from_pretrained(folder, **{key: True})


@pytest.mark.parametrize("spelled", ["float64", "torch.float64", torch.float64])
@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_precisions_by_name(folder, key: str, spelled: object) -> None:
    model = TinyForTokenClassification.from_pretrained(folder, **{key: spelled})
    assert model.dtype == torch.float64
    assert all(p.dtype == torch.float64 for p in model.parameters())
    assert dtype_named(spelled) == torch.float64


@pytest.mark.parametrize("spelled", ["float23", "nn", "int8", 16, torch.int32, "bool", ""])
def test_what_is_no_precision(folder, spelled: object) -> None:
    with pytest.raises(InputError, match="dtype="):
        TinyForTokenClassification.from_pretrained(folder, dtype=spelled)


def test_the_newer_name_wins_and_none_is_auto(folder) -> None:
    options, rest = LoadOptions.split({"dtype": "float16", "torch_dtype": "float64", "x": 1})
    assert (options.dtype, rest) == ("float16", {"x": 1})
    assert LoadOptions.split({"dtype": None})[0].dtype == "auto"


def test_strictness_has_three_levels() -> None:
    for good in (True, False, "body", "full", "off"):
        assert LoadOptions(strict=good).strict == good
    with pytest.raises(InputError, match="'full'"):
        LoadOptions(strict="a little")


def test_a_name_or_a_state(folder) -> None:
    state = drawn(TinyModel).hub_state_dict()
    with pytest.raises(InputError, match="not both"):
        TinyModel.from_pretrained(folder, state_dict=state)
    with pytest.raises(InputError, match="not both"):
        TinyModel.from_pretrained(None)
    with pytest.raises(InputError, match="config="):
        TinyModel.from_pretrained(None, state_dict=state)
    model = TinyModel.from_pretrained(None, state_dict=state, config=TinyConfig())
    assert torch.equal(model.embed_tokens.weight, state["wte.weight"])


def test_attention_is_chosen_by_the_caller(folder) -> None:
    model = TinyModel.from_pretrained(folder, attn_implementation="eager")
    assert model.config._attn_implementation == "eager"
    with pytest.raises(ValueError, match="telepathy"):
        TinyModel.from_pretrained(folder, attn_implementation="telepathy")


def test_attention_is_a_name_or_one_for_each_part(folder) -> None:
    with pytest.raises(InputError, match="expected a name, such as 'eager', or one for each part"):
        LoadOptions.split({"attn_implementation": 3})
    model = TinyModel.from_pretrained(folder, attn_implementation={"": "eager"})
    assert model.config._attn_implementation == "eager"
    with pytest.raises(InputError, match="TinyModel has no part 'decoder'; it has no parts"):
        TinyModel.from_pretrained(folder, attn_implementation={"decoder": "eager"})
