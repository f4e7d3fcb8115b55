"""What ``automodel-core convert`` writes, read by the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from automodel_core.checkpoint.formats.safetensors_header import read_header
from automodel_core.cli import main

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 10]])
MODELS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "t5": (
        "AutoModelForSeq2SeqLM",
        lambda: transformers.T5Config(
            d_model=16, num_layers=2, num_heads=2, d_kv=8, d_ff=24, vocab_size=40,
            decoder_start_token_id=0,
        ),
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :2]},
    ),
    "gpt2": (
        "AutoModelForCausalLM",
        lambda: transformers.GPT2Config(
            n_embd=16, n_layer=2, n_head=2, vocab_size=40, n_positions=32
        ),
        {"input_ids": IDS},
    ),
    "bart": (
        "AutoModelForSeq2SeqLM",
        lambda: transformers.BartConfig(
            d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=40,
            max_position_embeddings=32,
        ),
        {"input_ids": IDS, "decoder_input_ids": IDS[:, :2]},
    ),
}  # fmt: skip


def logits(kind: str, folder: Path, **options: Any) -> torch.Tensor:
    auto, _, inputs = MODELS[kind]
    model = getattr(transformers, auto).from_pretrained(folder, **options).eval()
    with torch.no_grad():
        found: torch.Tensor = model(**inputs).logits
    return found


@pytest.mark.parametrize("dtype", [None, "bfloat16", "float16"])
@pytest.mark.parametrize("kind", MODELS)
def test_converted_pickles(kind: str, dtype: str | None, tmp_path: Path) -> None:
    """Ties are written once, and all numbers are those of a cast by the reference."""
    torch.manual_seed(0)
    auto, config, _ = MODELS[kind]
    model = getattr(transformers, auto).from_config(config())
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(tmp_path / "old")
    torch.save(model.state_dict(), tmp_path / "old" / "pytorch_model.bin")
    chosen = [] if dtype is None else ["--dtype", dtype]
    command = ["convert", str(tmp_path / "old"), str(tmp_path / "new"), "--shard-size", "10KB"]
    assert main([*command, *chosen]) == 0
    found = logits(kind, tmp_path / "new", use_safetensors=True, dtype="auto")
    expected = logits(kind, tmp_path / "old", **({} if dtype is None else {"dtype": dtype}))
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)
    written = [read_header(path).tensors for path in (tmp_path / "new").glob("*.safetensors")]
    assert len(written) > 1
    assert sum(map(len, written)) == len({id(p) for p in model.parameters()}) + (
        len(dict(model.named_buffers()).keys() & model.state_dict().keys())
    )
