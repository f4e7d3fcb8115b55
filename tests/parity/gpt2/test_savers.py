"""Savers of other libraries keep every weight of a loaded GPT-2, whose file joins q, k and v."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import safetensors.torch
import torch

from automodel_core import AutoModelForCausalLM
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel


@pytest.fixture
def loaded(tmp_path: Path) -> Any:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "hub")
    return AutoModelForCausalLM.from_pretrained(tmp_path / "hub")


def test_safetensors_saves_the_model(loaded: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "saved.safetensors")
    safetensors.torch.save_model(loaded, file, force_contiguous=False)
    again = GPT2LMHeadModel(loaded.config)
    safetensors.torch.load_model(again, file)
    require_equal(again.state_dict(), loaded)


def test_safetensors_saves_the_state(loaded: Any, tmp_path: Path) -> None:
    body = loaded.base_model
    safetensors.torch.save_file(body.state_dict(), tmp_path / "saved.safetensors")
    saved = safetensors.torch.load_file(tmp_path / "saved.safetensors")
    require_equal(saved, body)


def test_the_hubs_library_saves_the_model(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    huggingface_hub.save_torch_model(loaded, tmp_path / "saved")
    saved = safetensors.torch.load_file(tmp_path / "saved" / "model.safetensors")
    left_out = loaded.state_dict().keys() - saved.keys()
    assert left_out == {"model.embed_tokens.weight"}  # which lm_head.weight is tied to
    require_equal(saved, loaded)


def require_equal(saved: dict[str, torch.Tensor], model: Any) -> None:
    state = model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in saved.items())
