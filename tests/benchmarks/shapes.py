"""Checkpoints at real sizes with random weights, written once for all contenders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers

__all__ = ["GPT2_SHAPES", "T5_SHAPES", "gpt2_checkpoint", "t5_checkpoint"]

T5_SHAPES: dict[str, dict[str, int]] = {
    "t5-small": {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8},
    "t5-base": {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_heads": 12},
}
GPT2_SHAPES: dict[str, dict[str, int]] = {
    "gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12},
    "gpt2-medium": {"n_embd": 1024, "n_layer": 24, "n_head": 16},
}


def t5_checkpoint(folder: Path, shape: str) -> Path:
    """Return the folder of a T5 of that shape, written first unless it is there.

    Its vocabulary is made-up words.
    """
    target = folder / shape
    if not (target / "model.safetensors").exists():
        torch.manual_seed(0)
        config = transformers.T5Config(decoder_start_token_id=0, **T5_SHAPES[shape])
        transformers.T5ForConditionalGeneration(config).save_pretrained(target)
        _write_vocabulary(target, config.vocab_size)
    return target


def gpt2_checkpoint(folder: Path, shape: str) -> Path:
    """Return the folder of a GPT-2 of that shape, written first unless it is there."""
    target = folder / shape
    if not (target / "model.safetensors").exists():
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            bos_token_id=1, eos_token_id=1, pad_token_id=0, **GPT2_SHAPES[shape]
        )
        transformers.GPT2LMHeadModel(config).save_pretrained(target)
        _write_vocabulary(target, config.vocab_size)
    return target


def _write_vocabulary(folder: Path, size: int) -> None:
    words = ["<pad>", "</s>", "<unk>", *(f"word{index}" for index in range(3, size))]
    tokenizer: dict[str, Any] = {
        "version": "1.0",
        "model": {
            "type": "WordLevel",
            "vocab": {word: index for index, word in enumerate(words)},
            "unk_token": "<unk>",
        },
        "pre_tokenizer": {"type": "Whitespace"},
        "added_tokens": [],
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "bos_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
