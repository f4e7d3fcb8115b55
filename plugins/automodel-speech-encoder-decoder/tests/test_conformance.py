"""Encoder-decoders that hear speech keep the promises of every architecture."""

from __future__ import annotations

from typing import Any

import torch

from automodel_core.testing import Check, architecture_checks, register_small_parts

register_small_parts()
TINY = {
    "encoder": {"model_type": "small-sound", "hidden_size": 12},
    "decoder": {"model_type": "small-text"},
    "decoder_start_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
NARROW = {"encoder": {"model_type": "small-sound", "samples": 3, "num_hidden_layers": 1}}


def speech(task: str, config: Any) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(2)
    tokens = torch.randint(3, config.decoder.vocab_size, (2, 5), generator=chance)
    return {
        "input_values": torch.randn(2, 24, generator=chance),
        "attention_mask": torch.ones(2, 24, dtype=torch.long),
        "decoder_input_ids": tokens,
        "labels": tokens,
    }


@architecture_checks("speech-encoder-decoder", TINY, inputs=speech)
def test_speech_encoder_decoder(check: Check) -> None:
    check()


@architecture_checks("speech-encoder-decoder", {**TINY, **NARROW}, inputs=speech)
def test_sides_of_one_size(check: Check) -> None:
    check()
