"""Wav2Vec2, HuBERT and WavLM: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_wav2vec2
from automodel_core.testing import model_names
from support.audio import AudioCase, AudioFamily
from support.parity import IS_5

__all__ = ["HUBERT", "SMALL", "WAV2VEC2", "WAV2VEC2_ADAPTED", "WAVLM"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "conv_dim": [8, 10, 8], "conv_stride": [4, 2, 2], "conv_kernel": [7, 3, 2],
    "num_conv_pos_embeddings": 6, "num_conv_pos_embedding_groups": 3, "vocab_size": 12,
    "classifier_proj_size": 10, "num_labels": 5,
}  # fmt: skip
MORE: dict[str, Any] = {
    "num_codevectors_per_group": 7, "codevector_dim": 12, "proj_codevector_dim": 9,
    "num_negatives": 4, "tdnn_dim": [10, 12, 14], "tdnn_kernel": [3, 2, 1],
    "tdnn_dilation": [1, 2, 1], "xvector_output_dim": 8,
}  # fmt: skip
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
CASES = {
    "plain": AudioCase({"apply_spec_augment": False}),
    "padding is heard": AudioCase(masked=False),
    "as the large models": AudioCase(LARGE),
    "pre-norm with one norm of groups": AudioCase({"do_stable_layer_norm": True}),
    "post-norm with norms of layers": AudioCase({"feat_extract_norm": "layer"}),
    "a mean of the layers": AudioCase({"use_weighted_layer_sum": True, "hidden_act": "relu"}),
    "a mean of losses, positions of an odd kernel": AudioCase(
        {
            "ctc_loss_reduction": "mean", "num_conv_pos_embeddings": 5, "layer_norm_eps": 1e-2,
            "feat_extract_activation": "relu", "num_hidden_layers": 3,
        }
    ),
    "more labels than frames": AudioCase(
        {
            "conv_dim": [8], "conv_stride": [100], "conv_kernel": [100], "ctc_zero_infinity": True,
            "tdnn_kernel": [1, 1, 1], "tdnn_dim": [6, 6, 6], "num_conv_pos_embedding_groups": 1,
        },
        samples=(400, 399, 300),
    ),
}  # fmt: skip
BOTH = ("plain", "as the large models")
WEIGHTED = ("a mean of the layers",) if IS_5 else ()
"""Version 4 returns the hidden states of these although nobody asked."""
if not IS_5:
    del CASES["a mean of the layers"]
WAV2VEC2 = AudioFamily(automodel_wav2vec2, model_names("wav2vec2"), SMALL | MORE, CASES)
WAV2VEC2_ADAPTED = AudioFamily(
    automodel_wav2vec2,
    ("Wav2Vec2Model", "Wav2Vec2ForCTC"),
    SMALL | MORE,
    {
        "convolutions behind the layers": AudioCase(
            {"add_adapter": True, "num_adapter_layers": 2, "apply_spec_augment": False},
            samples=(900, 800, 700),
        ),
        "and another size": AudioCase(
            {"add_adapter": True, "num_adapter_layers": 1, "output_hidden_size": 16, **LARGE},
            samples=(700, 600, 500),
        ),
        "an adapter in each layer": AudioCase(
            {"adapter_attn_dim": 4, "ctc_loss_reduction": "mean", **LARGE}
        ),
    },
)
HUBERT = AudioFamily(
    automodel_wav2vec2,
    model_names("hubert"),
    SMALL,
    {
        **{name: CASES[name] for name in (*BOTH, *WEIGHTED)},
        "a batch norm before positions": AudioCase({"conv_pos_batch_norm": True}),
        "features without a norm": AudioCase({"feat_proj_layer_norm": False, **LARGE}),
    },
)
WAVLM = AudioFamily(
    automodel_wav2vec2,
    model_names("wavlm"),
    SMALL | MORE,
    {
        **{name: CASES[name] for name in (*BOTH, *WEIGHTED)},
        "few buckets": AudioCase({"num_buckets": 8, "max_bucket_distance": 12}, masked=False),
    },
)
