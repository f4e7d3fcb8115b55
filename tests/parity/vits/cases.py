"""VITS's configurations, to compare with the reference."""

from __future__ import annotations

import automodel_vits
from automodel_core.testing import model_names
from support.family import Case, Family

__all__ = ["VITS"]

SPEAKERS = {"num_speakers": 3, "speaker_embedding_size": 6}
VITS = Family(
    package=automodel_vits,
    heads=model_names("vits"),
    small={
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "ffn_dim": 24, "flow_size": 8,
        "spectrogram_bins": 9, "upsample_initial_channel": 16, "upsample_rates": [4, 2],
        "upsample_kernel_sizes": [8, 4], "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1, 3], [1, 2]], "duration_predictor_num_flows": 2,
        "duration_predictor_filter_channels": 12, "depth_separable_num_layers": 2,
        "prior_encoder_num_flows": 2, "prior_encoder_num_wavenet_layers": 2,
        "posterior_encoder_num_wavenet_layers": 2, "noise_scale": 0.0, "noise_scale_duration": 0.0,
    },
    cases={
        "plain": Case(),
        "without a mask": Case(padding="none", lengths=(14, 0)),
        "two tokens": Case({"window_size": 6}, lengths=(2, 0)),
        "narrow window, even kernels": Case({
            "window_size": 1, "ffn_kernel_size": 4, "hidden_act": "gelu", "use_bias": False,
        }),
        "durations without a flow": Case({
            "use_stochastic_duration_prediction": False, "duration_predictor_kernel_size": 5,
        }),
        "speakers": Case(SPEAKERS),
        "speakers, no flow": Case({**SPEAKERS, "use_stochastic_duration_prediction": False}),
        "one bend, few bins": Case({
            "duration_predictor_num_flows": 1, "duration_predictor_flow_bins": 4,
            "duration_predictor_tail_bound": 2.0, "depth_separable_num_layers": 1,
        }),
        "dilated, three stages": Case({
            "wavenet_dilation_rate": 2, "wavenet_kernel_size": 3, "num_attention_heads": 4,
            "upsample_rates": [3, 2, 2], "upsample_kernel_sizes": [7, 4, 2],
            "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3, 5]],
            "leaky_relu_slope": 0.3,
        }),
        "slow, padding is a letter": Case({
            "speaking_rate": 0.6, "pad_token_id": 0, "layer_norm_eps": 1e-3,
            "prior_encoder_num_flows": 3, "posterior_encoder_num_wavenet_layers": 3,
        }),
    },
)  # fmt: skip
