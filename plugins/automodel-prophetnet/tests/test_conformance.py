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
ORDER = "the scores of positions read at once depend on how many they are, as in transformers"

STREAMS = "hidden_states are those of the text, not of the predicting streams, as in transformers"
NGRAMS = "the loss counts the tokens after the next too"


@architecture_checks(
    "prophetnet",
    TINY,
    # Without an encoder's states, cross-attention would get no gradient.
    task_configs={"causal-lm": {"add_cross_attention": False}},
    expected_failures={
        "cached_decoding_equals_uncached-seq2seq-lm": ORDER,
        "cached_decoding_equals_uncached-causal-lm": ORDER,
        "padding_changes_nothing-causal-lm": ORDER,
        "left_padded_rows_write_what_they_write_alone-causal-lm": ORDER,
        "states_score_as_forward_does-seq2seq-lm": STREAMS,
        "states_score_as_forward_does-causal-lm": STREAMS,
        "hidden_states_are_those_of_the_layers-base": STREAMS,
        "hidden_states_are_those_of_the_layers-seq2seq-lm": STREAMS,
        "hidden_states_are_those_of_the_layers-causal-lm": STREAMS,
        "loss_is_that_of_the_logits-seq2seq-lm": NGRAMS,
        "loss_is_that_of_the_logits-causal-lm": NGRAMS,
    },
)
def test_prophetnet(check: Check) -> None:
    check()
