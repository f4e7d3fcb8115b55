"""Weights that torchao holds in fewer bits: forward, and every way to decode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    CompileConfig,
)

quantization = pytest.importorskip("torchao.quantization")

SIZES = {
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 64, "n_positions": 32},
    "t5": {
        "d_model": 64,
        "d_kv": 16,
        "d_ff": 64,
        "num_heads": 4,
        "num_layers": 2,
        "vocab_size": 64,
        "decoder_start_token_id": 0,
    },
}
CLASSES = {"gpt2": AutoModelForCausalLM, "t5": AutoModelForSeq2SeqLM}
KINDS = ("Int8WeightOnlyConfig", "Int8DynamicActivationInt8WeightConfig")
IDS = torch.arange(3, 17).view(2, 7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SIZES)
def test_forward_and_generate(name: str, kind: str) -> None:
    torch.manual_seed(0)
    model: Any = CLASSES[name].from_config(AutoConfig.for_model(name, **SIZES[name])).eval()
    more = {"decoder_input_ids": IDS[:, :3]} if name == "t5" else {}
    with torch.no_grad():
        expected = model(IDS, **more).logits
        quantization.quantize_(model, vars(quantization)[kind]())
        found = model(IDS, **more).logits
    assert type(model.lm_head.weight).__module__.startswith("torchao")
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()
    settings = {"max_new_tokens": 5, "eos_token_id": None, "pad_token_id": 0}
    written = model.generate(IDS, **settings)
    for way in (
        {"cache_implementation": "static"},
        {"compile_config": CompileConfig(backend="eager")},
        {"num_beams": 2, "num_return_sequences": 1},
    ):
        assert model.generate(IDS, **settings, **way).shape == written.shape
    again = model.generate(IDS, **settings, cache_implementation="static")
    assert torch.equal(again, written)
