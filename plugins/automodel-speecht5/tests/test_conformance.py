"""SpeechT5 keeps the promises of every architecture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.testing import Check, architecture_checks

TINY: dict[str, Any] = {
    "vocab_size": 31, "hidden_size": 16, "encoder_layers": 2, "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_layers": 2, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "conv_dim": [8, 8], "conv_stride": [5, 2],
    "conv_kernel": [10, 3], "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "num_mel_bins": 6, "speech_decoder_prenet_units": 10, "speaker_embedding_dim": 5,
    "speech_decoder_postnet_layers": 2, "speech_decoder_postnet_units": 7,
    "encoder_max_relative_position": 4, "max_speech_positions": 60, "max_text_positions": 40,
    "mask_time_prob": 0.0, "speech_decoder_prenet_dropout": 0.0, "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
}  # fmt: skip
ODD = {
    **TINY, "feat_extract_norm": "layer", "conv_bias": True, "tie_word_embeddings": False,
    "scale_embedding": True, "reduction_factor": 3, "hidden_act": "relu", "decoder_layers": 1,
    "use_guided_attention_loss": False,
}  # fmt: skip


def inputs(task: str, config: Any) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(1)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=chance)

    tokens = torch.randint(3, config.vocab_size, (2, 7), generator=chance)
    if task == "base":
        return {
            "input_values": drawn(7, config.hidden_size),
            "decoder_input_values": drawn(5, config.hidden_size),
        }
    if task == "speech-seq2seq":
        mask = torch.ones(2, 160, dtype=torch.long)
        sound = {"input_values": drawn(160), "attention_mask": mask}
        return {**sound, "decoder_input_ids": tokens, "labels": tokens}
    frames = config.reduction_factor * 5
    return {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "decoder_input_values": drawn(5, config.num_mel_bins),
        "speaker_embeddings": drawn(config.speaker_embedding_dim),
        "labels": torch.linspace(-1, 1, config.num_mel_bins).repeat(2, frames, 1),
    }


@architecture_checks("speecht5", TINY, inputs=inputs)
def test_speecht5(check: Check) -> None:
    check()


@architecture_checks("speecht5", ODD, inputs=inputs)
def test_speecht5_with_odd_settings(check: Check) -> None:
    check()
