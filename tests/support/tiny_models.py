"""Tiny models of the plugins, without dropout, and inputs for them."""

from __future__ import annotations

from typing import Any

import torch

from automodel_bert import BertConfig
from automodel_encoder_decoder import EncoderDecoderConfig, EncoderDecoderModel
from automodel_gpt2 import GPT2Config, GPT2LMHeadModel
from automodel_t5 import T5Config, T5ForConditionalGeneration
from automodel_vit import ViTConfig, ViTForImageClassification

__all__ = ["IDS", "KINDS", "inputs", "tiny"]

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 10]])
BERT = BertConfig(
    vocab_size=41, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=24, max_position_embeddings=32, hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0, pad_token_id=0, bos_token_id=1,
)  # fmt: skip
KINDS: dict[str, tuple[type[Any], Any]] = {
    "gpt2": (
        GPT2LMHeadModel,
        GPT2Config(
            vocab_size=41, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=1,
            eos_token_id=2, pad_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        ),
    ),
    "t5": (
        T5ForConditionalGeneration,
        T5Config(
            vocab_size=41, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
            dropout_rate=0.0, decoder_start_token_id=0,
        ),
    ),
    "vit": (
        ViTForImageClassification,
        ViTConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            image_size=8, patch_size=4, num_labels=3,
        ),
    ),
    "pair": (
        EncoderDecoderModel,
        EncoderDecoderConfig.from_encoder_decoder_configs(
            BERT, BERT, decoder_start_token_id=1, pad_token_id=0
        ),
    ),
}  # fmt: skip


def tiny(kind: str) -> Any:
    """Return a new model, the same in each process."""
    torch.manual_seed(0)
    model_class, config = KINDS[kind]
    return model_class(config)


def inputs(kind: str, rows: slice = slice(None)) -> dict[str, torch.Tensor]:
    """Return arguments of ``forward``, with labels."""
    if kind == "vit":
        pictures = torch.linspace(-1.0, 1.0, 2 * 3 * 64).view(2, 3, 8, 8)
        return {"pixel_values": pictures[rows], "labels": torch.tensor([0, 2])[rows]}
    return {"input_ids": IDS[rows], "labels": IDS[rows]}
