"""Wav2Vec2, HuBERT and WavLM keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8],
    "conv_stride": [10, 4],
    "conv_kernel": [12, 4],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 20,
    "layerdrop": 0.0,
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "classifier_proj_size": 12,
}
MORE = {
    "num_codevectors_per_group": 6,
    "codevector_dim": 8,
    "proj_codevector_dim": 8,
    "num_negatives": 5,
    "tdnn_dim": [8, 12],
    "tdnn_kernel": [3, 1],
    "tdnn_dilation": [1, 1],
    "xvector_output_dim": 10,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
ADAPTED = {"adapter_attn_dim": 4, "ctc_loss_reduction": "mean"}
BUCKETS = {"num_buckets": 8, "max_bucket_distance": 12}
BATCH_NORM = {"conv_pos_batch_norm": True, "feat_proj_layer_norm": False}


@architecture_checks("wav2vec2", TINY | MORE | LARGE | ADAPTED)
def test_wav2vec2(check: Check) -> None:
    check()


@architecture_checks("hubert", TINY | BATCH_NORM)
def test_hubert(check: Check) -> None:
    check()


@architecture_checks("wavlm", TINY | MORE | LARGE | BUCKETS)
def test_wavlm(check: Check) -> None:
    check()
