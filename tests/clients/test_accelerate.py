"""accelerate: parts on disk, its own ways to place a model, and its ``Accelerator``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("accelerate")

from accelerate import (
    Accelerator,
    cpu_offload,
    disk_offload,
    dispatch_model,
    infer_auto_device_map,
    init_empty_weights,
    load_checkpoint_and_dispatch,
    load_checkpoint_in_model,
)
from accelerate.hooks import remove_hook_from_module
from accelerate.state import AcceleratorState
from accelerate.utils import send_to_device
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from automodel_bart import BartConfig, BartForConditionalGeneration
from automodel_core import AutoModelForCausalLM
from automodel_core.errors import InputError
from automodel_core.layers import CAUSAL, LayerInputs, Rotation
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel
from automodel_t5 import T5Config, T5ForConditionalGeneration
from automodel_vit import ViTConfig, ViTForImageClassification

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 10]])
TINY: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "gpt2": (
        GPT2LMHeadModel,
        {"n_embd": 16, "n_layer": 3, "n_head": 2, "vocab_size": 40, "n_positions": 32,
         "bos_token_id": 1, "eos_token_id": 2},
        {"input_ids": IDS},
    ),
    "t5": (
        T5ForConditionalGeneration,
        {"d_model": 16, "num_layers": 2, "num_heads": 2, "d_kv": 8, "d_ff": 24, "vocab_size": 40,
         "decoder_start_token_id": 0},
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :2]},
    ),
    "bart": (
        BartForConditionalGeneration,
        {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "vocab_size": 40,
         "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24,
         "decoder_ffn_dim": 24, "max_position_embeddings": 32},
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :2]},
    ),
    "vit": (
        ViTForImageClassification,
        {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 24, "image_size": 8, "patch_size": 4},
        {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 64).view(2, 3, 8, 8)},
    ),
}  # fmt: skip
CONFIGS = {
    "gpt2": GPT2Config, "t5": T5Config, "bart": BartConfig, "vit": ViTConfig,
}  # fmt: skip


def new(kind: str) -> Any:
    torch.manual_seed(0)
    cls, values, _ = TINY[kind]
    return cls(CONFIGS[kind](**values)).eval()


def logits(model: Any, kind: str) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(**TINY[kind][2]).logits
    return found


def texts(model: Any) -> list[torch.Tensor]:
    return [model.generate(IDS, max_new_tokens=5, num_beams=beams) for beams in (1, 2)]


def assert_same(model: Any, expected: Any, kind: str) -> None:
    # Patches of images are convolved where a hook brings the weights, else multiplied.
    torch.testing.assert_close(logits(model, kind), logits(expected, kind))
    if expected.can_generate():
        for found, wanted in zip(texts(model), texts(expected), strict=True):
            assert torch.equal(found, wanted)


@pytest.mark.parametrize("kind", sorted(TINY))
def test_parts_on_disk(kind: str, tmp_path: Path) -> None:
    expected = new(kind)
    expected.save_pretrained(tmp_path / "saved")
    size = expected.get_memory_footprint()
    for options in (
        {"device_map": "disk"},
        {"device_map": "disk", "offload_folder": tmp_path / "a", "offload_buffers": True},
        {"device_map": "auto", "max_memory": {"cpu": size // 2}},
        {"device_map": "sequential", "max_memory": {"cpu": size // 2}, "offload_folder": tmp_path},
    ):
        model = type(expected).from_pretrained(tmp_path / "saved", **options)
        places = set(model.hf_device_map.values())
        assert "disk" in places
        assert any(parameter.is_meta for parameter in model.parameters())
        assert model.device.type == "cpu"
        assert_same(model, expected, kind)
        assert any(parameter.is_meta for parameter in model.parameters())
        # All of it is saved, as ever.
        model.save_pretrained(tmp_path / "again")
        again = type(expected).from_pretrained(tmp_path / "again")
        assert_same(again, expected, kind)
        state, wanted = model.hub_state_dict(), expected.hub_state_dict()
        assert all(torch.equal(state[name], wanted[name]) for name in wanted)
    assert (tmp_path / "a" / "index.json").is_file()


def test_parts_by_the_names_of_the_hub(tmp_path: Path) -> None:
    expected = new("gpt2")
    expected.save_pretrained(tmp_path)
    places = {"transformer.h.1": "disk", "transformer": "cpu", "lm_head": "disk"}
    model = AutoModelForCausalLM.from_pretrained(tmp_path, device_map=places)
    assert model.hf_device_map["model.stack.layers.1"] == "disk"
    assert {p.is_meta for p in model.model.stack.layers[1].parameters()} == {True}
    assert {p.is_meta for p in model.model.stack.layers[0].parameters()} == {False}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert_same(model, expected, "gpt2")


def test_a_new_head_beside_a_body_on_disk(tmp_path: Path) -> None:
    from automodel_gpt2 import GPT2ForSequenceClassification

    new("gpt2").save_pretrained(tmp_path)
    torch.manual_seed(1)
    expected = GPT2ForSequenceClassification.from_pretrained(tmp_path, pad_token_id=0)
    torch.manual_seed(1)
    model = GPT2ForSequenceClassification.from_pretrained(
        tmp_path, pad_token_id=0, device_map="disk"
    )
    assert all(parameter.is_meta for parameter in model.parameters())
    assert torch.equal(logits(model, "gpt2"), logits(expected, "gpt2"))


def test_weights_are_cast_as_they_are_read(tmp_path: Path) -> None:
    new("gpt2").save_pretrained(tmp_path)
    expected = GPT2LMHeadModel.from_pretrained(tmp_path, dtype="bfloat16")
    model = GPT2LMHeadModel.from_pretrained(tmp_path, dtype="bfloat16", device_map="disk")
    assert model.dtype == torch.bfloat16
    assert torch.equal(logits(model, "gpt2"), logits(expected, "gpt2"))


def test_what_cannot_be_placed(tmp_path: Path) -> None:
    new("gpt2").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="max_memory"):
        GPT2LMHeadModel.from_pretrained(tmp_path, device_map="auto", max_memory={"cpu": "much"})
    with pytest.raises(InputError, match="fewer bits"):
        GPT2LMHeadModel.from_pretrained(tmp_path, device_map="disk", weights="int8")


@pytest.mark.parametrize("kind", sorted(TINY))
def test_its_own_ways_to_place_a_model(kind: str, tmp_path: Path) -> None:
    expected, model = new(kind), new(kind)
    places = infer_auto_device_map(
        model,
        max_memory={"cpu": model.get_memory_footprint() // 2, "disk": 10**9},
        no_split_module_classes=model._no_split_modules,
    )
    assert set(places.values()) == {"cpu", "disk"}
    assert not any(".self_attn" in name for name in places)
    assert_same(dispatch_model(model, places, offload_dir=tmp_path / "a"), expected, kind)
    assert_same(cpu_offload(new(kind), execution_device=torch.device("cpu")), expected, kind)
    assert_same(disk_offload(new(kind), tmp_path / "b", torch.device("cpu")), expected, kind)


def test_what_a_layer_is_handed_moves_with_its_states() -> None:
    """Hooks move arguments between devices; there is but one here, so to the one without values."""
    mask, turns = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 4)
    inputs = LayerInputs(mask, Rotation(turns, turns), torch.zeros(1, 2, 4), None)
    moved = send_to_device(((), {"inputs": inputs}), "meta")[1]["inputs"]
    assert moved.mask.is_meta
    assert moved.rotation.cos.is_meta
    assert moved.rotation.sin.is_meta
    assert moved.context.is_meta
    assert moved.context_mask is None
    assert send_to_device(LayerInputs(CAUSAL), "meta").mask is CAUSAL


def test_hooks_can_be_taken_off() -> None:
    expected, model = new("gpt2"), cpu_offload(new("gpt2"), execution_device=torch.device("cpu"))
    assert_same(model, expected, "gpt2")
    remove_hook_from_module(model, recurse=True)
    model.tie_weights()
    assert not any(parameter.is_meta for parameter in model.parameters())
    assert_same(model, expected, "gpt2")


def test_a_plan_places_parts_as_a_load_does(tmp_path: Path) -> None:
    new("gpt2").save_pretrained(tmp_path)
    options: dict[str, Any] = {"device_map": "sequential", "max_memory": {"cpu": "30KB"}}
    plan = AutoModelForCausalLM.plan(tmp_path, **options)
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path, **options)
    assert plan.device_map == model.hf_device_map
    assert plan.memory_by_device is not None
    assert plan.memory_by_device.keys() == {"cpu", "disk"}
    assert plan.memory is not None
    assert sum(plan.memory_by_device.values()) == plan.memory["float32"]


# ---- models without memory, and accelerate's own loading ----


def test_a_model_without_memory_is_filled(tmp_path: Path) -> None:
    expected = new("gpt2")
    expected.save_pretrained(tmp_path)
    with init_empty_weights():
        model = GPT2LMHeadModel(expected.config)
    assert all(parameter.is_meta for parameter in model.parameters())
    # It looks weights up by the modules' names, which a checkpoint of the hub does not have.
    with pytest.raises(NotImplementedError, match="meta"):
        load_checkpoint_and_dispatch(model, tmp_path, device_map={"": "cpu"})
    assert model.load_checkpoint(tmp_path).complete
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert_same(model, expected, "gpt2")
    places = infer_auto_device_map(model, max_memory={"cpu": 10_000, "disk": 10**9})
    assert_same(dispatch_model(model, places, offload_dir=tmp_path / "a"), expected, "gpt2")


def test_a_checkpoint_is_loaded_into_a_model_with_memory(tmp_path: Path) -> None:
    expected = new("gpt2")
    expected.save_pretrained(tmp_path)
    for strict in (True, False):
        torch.manual_seed(1)
        model = GPT2LMHeadModel(expected.config).eval()
        load_checkpoint_in_model(model, tmp_path, strict=strict)
        assert_same(model, expected, "gpt2")


# ---- training ----


@pytest.fixture
def accelerator() -> Iterator[Accelerator]:
    yield Accelerator(cpu=True, mixed_precision="bf16")
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_training_and_its_files(kind: str, accelerator: Accelerator, tmp_path: Path) -> None:
    rows = [{"input_ids": row, "labels": row} for row in IDS]
    model, loader = new(kind).train(), DataLoader(rows, batch_size=2)
    before = model.state_dict()["lm_head.weight"].clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for batch in loader:
        output = model(**batch)
        assert output.logits.dtype == torch.float32  # of a forward in bfloat16
        accelerator.backward(output.loss)
        optimizer.step()
        optimizer.zero_grad()
    trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert not torch.equal(trained["lm_head.weight"], before)

    # The usual lines of a training script write a checkpoint with the hub's names.
    own = accelerator.unwrap_model(model)
    own.save_pretrained(
        tmp_path / "hub",
        is_main_process=accelerator.is_main_process,
        state_dict=accelerator.get_state_dict(model),
    )
    again = type(own).from_pretrained(tmp_path / "hub").state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in trained.items())

    # Its own files hold every weight once, by the modules' names.
    accelerator.save_model(model, tmp_path / "own")
    held = load_file(tmp_path / "own" / "model.safetensors")
    fresh = new(kind)
    for parameter in fresh.parameters():
        parameter.detach().zero_()
    fresh.load_state_dict(held, strict=False)
    assert all(torch.equal(t, trained[name]) for name, t in fresh.state_dict().items())

    accelerator.save_state(tmp_path / "state")
    for parameter in model.parameters():
        parameter.detach().zero_()
    accelerator.load_state(tmp_path / "state")
    assert all(torch.equal(t, trained[name]) for name, t in model.state_dict().items())
