"""VITS keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 29, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "window_size": 2, "ffn_dim": 24, "flow_size": 8, "spectrogram_bins": 9,
    "upsample_initial_channel": 16, "upsample_rates": [4, 2], "upsample_kernel_sizes": [8, 4],
    "resblock_kernel_sizes": [3, 5], "resblock_dilation_sizes": [[1, 3], [1, 3]],
    "duration_predictor_num_flows": 2, "duration_predictor_filter_channels": 12,
    "depth_separable_num_layers": 2, "prior_encoder_num_flows": 2,
    "prior_encoder_num_wavenet_layers": 2, "posterior_encoder_num_wavenet_layers": 2,
    "layerdrop": 0.0, "noise_scale": 0.0, "noise_scale_duration": 0.0, "pad_token_id": 0,
}  # fmt: skip
SPEAKERS = {
    **TINY, "use_stochastic_duration_prediction": False, "num_speakers": 3,
    "speaker_embedding_size": 6, "window_size": None, "wavenet_dilation_rate": 2,
}  # fmt: skip


@architecture_checks("vits", TINY)
def test_vits(check: Check) -> None:
    check()


@architecture_checks("vits", SPEAKERS)
def test_vits_of_several_speakers(check: Check) -> None:
    check()
