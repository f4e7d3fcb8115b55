"""Weights that others have quantised: recognised by every sign, and dequantised or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.formats.float8 import DequantisedTensors
from automodel_core.checkpoint.formats.quantised import stored_quantisation
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import CheckpointFormatError, InputError
from support.tiny_lm import TinyConfig, TinyForCausalLM

FLOAT8 = torch.float8_e4m3fn


def opened(folder: Path, **tensors: torch.Tensor) -> Any:
    save_weights({k.replace("__", "."): v for k, v in tensors.items()}, folder)
    return open_weights(open_checkpoint(folder))


@pytest.mark.parametrize(
    ("names", "method"),
    [
        (["a.qweight", "a.qzeros", "a.scales"], "gptq or awq"),
        (["a.weight", "a.weight.absmax"], "bitsandbytes"),
        (["a.weight", "a.weight.quant_state.bitsandbytes__nf4"], "bitsandbytes"),
        (["a.weight", "a.SCB"], "bitsandbytes"),
        (["a.weight_packed", "a.weight_scale"], "compressed-tensors"),
        (["a.weight", "a.weight_scale_2"], "nvfp4"),
        (["a.weight", "a.weight_scale"], "integers with scales"),
        (["mlp.experts.down_proj_blocks", "mlp.experts.down_proj_scales"], "mxfp4"),
    ],
)
def test_signs_in_names(names: list[str], method: str, tmp_path: Path) -> None:
    weights = opened(tmp_path, **{name: torch.ones(2, dtype=torch.uint8) for name in names})
    found = stored_quantisation(weights)
    assert found is not None
    assert found.method == method
    assert "model.safetensors" in found.where
    assert not found.can_be_dequantised


def test_plain_names_are_no_signs(tmp_path: Path) -> None:
    names = ["logit_scale", "layer_scale.scale", "a.scales", "scale.weight", "blocks", "x_blocks"]
    assert stored_quantisation(opened(tmp_path, **{n: torch.ones(2) for n in names})) is None
    own = {"a.weight": torch.ones(2), "a.weight_scale": torch.ones(1)}
    assert stored_quantisation(opened(tmp_path / "own", **own)) is None
    unscaled = opened(tmp_path / "8", **{"a.weight": torch.ones(2).to(FLOAT8)})
    assert stored_quantisation(unscaled) is None


@pytest.mark.parametrize(
    ("scale", "name"),
    [
        (torch.tensor(0.5), "weight_scale"),
        (torch.tensor([0.25]), "weight_scale_inv"),
        (torch.rand(256), "weight_scale"),
        (torch.rand(256, 1), "weight_scale"),
        (torch.rand(1, 192), "weight_scale"),
        (torch.rand(2, 2), "weight_scale_inv"),
        (torch.rand(2, 1).bfloat16(), "weight_scale_inv"),
        (torch.rand(32, 24), "weight_scale_inv"),
        (torch.tensor(0.5), "scale_weight"),
        (torch.tensor([[120], [130]], dtype=torch.uint8), "weight_scale_inv"),
    ],
)
def test_scales_of_every_shape(scale: torch.Tensor, name: str, tmp_path: Path) -> None:
    stored = torch.randn(256, 192).to(FLOAT8)
    tensors = {"a.weight": stored, f"a.{name}": scale, "a.input_scale": torch.ones(1)}
    plain = DequantisedTensors(opened(tmp_path, norm=torch.ones(3).bfloat16(), **tensors))
    assert set(plain) == {"a.weight", "norm"}
    assert plain["a.weight"].dtype == "bfloat16"
    usual = scale.float() if scale.dtype != torch.uint8 else 2.0 ** (scale.float() - 127)
    usual = usual[:, None] if usual.dim() == 1 and len(usual) > 1 else usual
    full = usual
    if usual.dim() == 2:  # blocks of 128 where there are two for 192 columns
        sizes = [(256, usual.shape[0]), (192, usual.shape[1])]
        blocks = [128 if count == 2 else size // count for size, count in sizes]
        full = usual.repeat_interleave(blocks[0], 0).repeat_interleave(blocks[1], 1)[:256, :192]
    read = plain.read("a.weight", torch.float32, torch.device("cpu"))
    assert torch.equal(read, stored.float() * full)
    assert torch.equal(plain.tensor("a.weight"), read.bfloat16())


def test_scales_that_do_not_fit_are_named(tmp_path: Path) -> None:
    stored = torch.randn(8, 6).to(FLOAT8)
    with pytest.raises(CheckpointFormatError, match=r"scales of 'a\.weight' have shape \[3, 5\]"):
        DequantisedTensors(opened(tmp_path, a__weight=stored, a__weight_scale_inv=torch.rand(3, 5)))
    with pytest.raises(CheckpointFormatError, match=r"'b\.weight' has eight bits and"):
        DequantisedTensors(
            opened(
                tmp_path, a__weight=stored, a__weight_scale=torch.rand(1), b__weight=stored.clone()
            )
        )


def scaled(folder: Path, **config: Any) -> TinyForCausalLM:
    """Save a model with its matrices in eight bits, and return the one that this stands for."""
    torch.manual_seed(0)
    model = TinyForCausalLM(TinyConfig())
    model.save_pretrained(folder)
    weights = open_weights(open_checkpoint(folder))
    state = {name: weights.tensor(name) for name in weights}
    for name, weight in list(state.items()):
        if weight.dim() == 2 and name.endswith("proj.weight"):
            scale = weight.abs().amax(1, keepdim=True) / 448
            state[name] = (weight / scale).to(FLOAT8)
            state[f"{name}_scale"] = scale
    assert any(name.endswith("_scale") for name in state), list(state)
    save_weights(state, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return model


FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}


@pytest.mark.parametrize(
    "config", [{}, {"quantization_config": FP8}, {"text": {"quantization_config": FP8}}]
)
def test_fp8_is_refused_with_what_to_do_and_dequantised_on_request(
    config: Mapping[str, Any], tmp_path: Path
) -> None:
    usual = scaled(tmp_path, **config)
    with pytest.raises(CheckpointFormatError, match=r"quantised weights.*dequantize=True"):
        TinyForCausalLM.from_pretrained(tmp_path)
    for asked in ({"dequantize": True}, {"quantization_config": {**FP8, "dequantize": True}}):
        model = TinyForCausalLM.from_pretrained(tmp_path, **asked)
        assert not model.load_report.unexpected
        for name, weight in usual.state_dict().items():
            loaded = model.state_dict()[name]
            assert loaded.dtype == torch.float32
            torch.testing.assert_close(loaded, weight, atol=0.07 * weight.abs().max(), rtol=0)
    model.save_pretrained(tmp_path / "plain")
    assert "quantization_config" not in (tmp_path / "plain" / "config.json").read_text()
    TinyForCausalLM.from_pretrained(tmp_path / "plain")


@pytest.mark.parametrize(
    ("stated", "method"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq"}, "awq"),
        ({"load_in_4bit": True}, "bitsandbytes"),
        ({"bits": 4}, "a method without a name"),
    ],
)
def test_what_a_configuration_states(stated: object, method: str, tmp_path: Path) -> None:
    scaled(tmp_path, quantization_config=stated)
    for dequantize in (False, True):
        with pytest.raises(CheckpointFormatError, match=rf"{method}, as quantization_config in"):
            TinyForCausalLM.from_pretrained(tmp_path, dequantize=dequantize)


def test_the_file_of_modelopt(tmp_path: Path) -> None:
    TinyForCausalLM(TinyConfig()).save_pretrained(tmp_path)
    path = tmp_path / "hf_quant_config.json"
    path.write_text(json.dumps({"quantization": {"quant_algo": "NVFP4"}}))
    with pytest.raises(CheckpointFormatError, match=r"nvfp4, as quant_algo in hf_quant_config"):
        TinyForCausalLM.from_pretrained(tmp_path)
    path.write_text(json.dumps({"quantization": {"kv_cache_quant_algo": "FP8"}}))
    TinyForCausalLM.from_pretrained(tmp_path)


def test_auto_gives_no_model_of_eight_bits(tmp_path: Path) -> None:
    TinyForCausalLM(TinyConfig()).save_pretrained(tmp_path)
    weights = open_weights(open_checkpoint(tmp_path))
    save_weights({name: weights.tensor(name).to(FLOAT8) for name in weights}, tmp_path)
    path = tmp_path / "config.json"
    for dtype in (None, "float8_e4m3fn"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "dtype": dtype}))
        model = TinyForCausalLM.from_pretrained(tmp_path)
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    with pytest.raises(InputError, match="at least 16 bits"):
        TinyForCausalLM.from_pretrained(tmp_path, dtype=FLOAT8)
