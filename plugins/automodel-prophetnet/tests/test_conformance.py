"""ProphetNet keeps the promises of every architecture, but for what its positions break."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 20,
    "num_encoder_layers": 2,
    "num_encoder_attention_heads": 4,
    "num_decoder_layers": 2,
    "num_decoder_attention_heads": 2,
    "max_position_embeddings": 32,
    "num_buckets": 8,
    "relative_max_distance": 12,
}


@architecture_checks(
    "prophetnet",
    TINY,
    # Without an encoder's states, cross-attention would get no gradient.
    task_configs={"causal-lm": {"add_cross_attention": False}},
)
def test_prophetnet(check: Check) -> None:
    check()
