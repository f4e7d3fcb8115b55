"""Weights in fewer bits as an option of loading: which layers, how it is said, what it costs."""

from __future__ import annotations

import copy
import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import registry
from automodel_core.errors import CheckpointFormatError, InputError
from automodel_core.layers.kernels.int8 import Int8DynamicLinear, Int8Linear
from automodel_core.layers.kernels.linear import Linear, QuantisedLinear
from support.tiny_lm import TinyForCausalLM, TinyForTokenClassification, drawn

NAMES = ("int8", "int8_dynamic")
SIZES = {"hidden_size": 32, "num_layers": 2}


class Method(str, Enum):
    BITS_AND_BYTES = "bitsandbytes"


class TheirConfig:
    """What callers of other libraries pass: an object that knows its dictionary."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "quant_method": Method.BITS_AND_BYTES,
            "load_in_8bit": True,
            "llm_int8_threshold": 6.0,
            "llm_int8_skip_modules": ["lm_head"],
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawn(TinyForCausalLM, **SIZES).save_pretrained(tmp_path)
    return tmp_path


def kinds(model: Any) -> set[type]:
    layers = (m for m in model.modules() if isinstance(m, QuantisedLinear | torch.nn.Linear))
    return {type(layer) for layer in layers}


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_nearly_the_same(folder: Path, name: str) -> None:
    exact = TinyForCausalLM.from_pretrained(folder)
    model = TinyForCausalLM.from_pretrained(folder, weights=name)
    assert kinds(model) == {Int8Linear if name == "int8" else Int8DynamicLinear}
    ids = torch.randint(0, 23, (4, 11), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = exact(ids).logits, model(ids).logits
    difference = (found - expected).norm() / expected.norm()
    assert 0 < difference < (0.02 if name == "int8" else 0.04)
    assert (found.argmax(-1) == expected.argmax(-1)).float().mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_it_generates_as_it_scores(folder: Path, name: str) -> None:
    model = TinyForCausalLM.from_pretrained(folder, weights=name)
    ids = torch.tensor([[3, 4, 5], [7, 8, 9]])
    for rows in (ids, ids[:1]):
        given = {
            "attention_mask": torch.ones_like(rows), "max_new_tokens": 8, "min_new_tokens": 8,
            "do_sample": False,
        }  # fmt: skip
        found = model.generate(rows, **given)
        agreement = found == model.generate(rows, **given, use_cache=False)
        # Rounding differs a little between one row and many, which decides near ties.
        assert agreement[:, :6].all()
    assert model.generate(**{**given, "num_beams": 3}, inputs=ids[:1]).shape == (1, 11)


def test_embeddings_norms_and_classifiers_keep_their_precision(folder: Path, tmp_path) -> None:
    model = TinyForCausalLM.from_pretrained(folder, weights="int8")
    assert model.model.embed_tokens.weight.dtype == torch.float32
    assert model.lm_head.weight.dtype == torch.int8
    assert model.dtype == torch.float32
    assert not model.training
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    exact = TinyForCausalLM.from_pretrained(folder).get_memory_footprint()
    packed = TinyForCausalLM.from_pretrained(folder, weights="int8_dynamic")
    for fewer in (model, packed):
        assert 0.25 * exact < fewer.get_memory_footprint() < 0.5 * exact
    model.tie_weights()
    assert model.lm_head.weight.dtype == torch.int8

    labeller = TinyForTokenClassification.from_pretrained(folder, weights="int8", strict="off")
    assert type(labeller.classifier) is Linear


@pytest.mark.parametrize(
    "spelling",
    [
        {"weights": "int8"},
        {"load_in_8bit": True},
        {"quantization_config": "int8"},
        {"quantization_config": {"quant_method": "int8"}},
        {"quantization_config": {"quant_method": "int8", "modules_to_not_convert": None}},
        {"quantization_config": {"load_in_8bit": True}},
        {"weights": "int8", "load_in_8bit": False, "quantization_config": None},
    ],
    ids=str,
)
def test_every_way_to_say_it(folder: Path, spelling: dict[str, Any]) -> None:
    assert kinds(TinyForCausalLM.from_pretrained(folder, **spelling)) == {Int8Linear}


@pytest.mark.parametrize(
    "skipped",
    ["lm_head", "up_proj", "stack.layers.1.self_attn", "h.0.mlp", "tiny.h.1.attn.q_proj"],
)
def test_layers_may_be_left_as_they_are(folder: Path, skipped: str) -> None:
    """By their name here or on the hub."""
    config = {"quant_method": "int8", "modules_to_not_convert": [skipped]}
    model = TinyForCausalLM.from_pretrained(folder, quantization_config=config)
    names = model.weight_names(model.config)
    for path, module in model.named_modules():
        if isinstance(module, Linear | Int8Linear):
            hub = names.to_hub(f"{path}.weight").name
            left = f".{skipped}." in f".{path}." or f".{skipped}." in f".{hub}."
            assert type(module) is (Linear if left else Int8Linear), path
    assert kinds(model) == {Linear, Int8Linear}


def test_the_configuration_of_another_library(folder: Path) -> None:
    model = TinyForCausalLM.from_pretrained(folder, quantization_config=TheirConfig())
    assert type(model.lm_head) is Linear
    assert kinds(model) == {Linear, Int8Linear}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "int3"}, "'int3' is not installed; installed are int8, int8_dynamic"),
        ({"weights": 8}, "expected a name, such as 'int8'"),
        ({"weights": "int8", "load_in_8bit": True}, "give one of weights and load_in_8bit"),
        ({"load_in_4bit": True}, "eight bits, with weights='int8'"),
        ({"quantization_config": {"bits": 8}}, "quant_method is missing"),
        ({"quantization_config": 8}, "expected a name, such as 'int8', or a mapping"),
        (
            {"quantization_config": {"quant_method": "int8", "group_size": 64}},
            "group_size cannot be set; modules_to_not_convert can",
        ),
        (
            {"quantization_config": {"quant_method": "int8", "modules_to_not_convert": ["x"]}},
            "'x' is in the name of no linear layer",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(folder: Path, arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TinyForCausalLM.from_pretrained(folder, **arguments)


def test_what_needs_the_whole_weights_says_so(folder: Path, tmp_path: Path) -> None:
    model = TinyForCausalLM.from_pretrained(folder, weights="int8")
    for deed in (
        lambda: model.save_pretrained(tmp_path / "saved"),
        lambda: model.resize_token_embeddings(30),
        model.hub_state_dict,
        lambda: model.load_hub_state_dict({}),
    ):
        with pytest.raises(InputError, match="load it again without weights="):
            deed()
    assert not (tmp_path / "saved").exists()
    assert model.get_input_embeddings().num_embeddings == 23


def test_a_checkpoint_that_another_library_quantised_is_refused(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(CheckpointFormatError, match="gptq, as quantization_config in config"):
        TinyForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_other_precisions(folder: Path, name: str) -> None:
    model = TinyForCausalLM.from_pretrained(folder, weights=name)
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(copy.deepcopy(model)(ids).logits, model(ids).logits)
        half = TinyForCausalLM.from_pretrained(folder, weights=name, dtype="bfloat16")
        logits = half(ids).logits
    assert logits.dtype == torch.bfloat16
    assert (logits - model(ids).logits).norm() < 0.05 * logits.norm()
    assert half.generate(ids, max_new_tokens=3).shape[0] == 1


def test_a_plugins_quantizer_is_called_with_its_settings(folder: Path, monkeypatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(
        registry.parts, "function", lambda kind, name: lambda *given: seen.append((name, given))
    )
    config = {"quant_method": "int3", "group_size": 32}
    model = TinyForCausalLM.from_pretrained(folder, quantization_config=config)
    assert seen == [("int3", (model, {"group_size": 32}))]
