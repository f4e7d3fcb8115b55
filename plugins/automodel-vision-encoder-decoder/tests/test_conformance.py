"""Encoder-decoders that see images keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks, register_small_parts

register_small_parts()
TINY = {
    "encoder": {"model_type": "small-image", "hidden_size": 12},
    "decoder": {"model_type": "small-text"},
    "decoder_start_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


@architecture_checks("vision-encoder-decoder", TINY)
def test_vision_encoder_decoder(check: Check) -> None:
    check()
