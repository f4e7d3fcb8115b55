"""SAM keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

VISION = {
    "hidden_size": 24, "output_channels": 16, "num_hidden_layers": 3, "num_attention_heads": 4,
    "image_size": 32, "patch_size": 4, "window_size": 3, "global_attn_indexes": [1],
    "num_pos_feats": 8, "mlp_dim": 40, "initializer_range": 0.02,
}  # fmt: skip
PROMPTS = {"hidden_size": 16, "image_size": 32, "patch_size": 4, "mask_input_channels": 8}
MASKS = {
    "hidden_size": 16, "mlp_dim": 30, "num_attention_heads": 2, "iou_head_hidden_dim": 20,
}  # fmt: skip
TINY = {
    "vision_config": VISION, "prompt_encoder_config": PROMPTS, "mask_decoder_config": MASKS,
}  # fmt: skip
PLAIN = {
    **VISION,
    "use_rel_pos": False, "use_abs_pos": False, "qkv_bias": False, "window_size": 4,
    "num_hidden_layers": 2,
}  # fmt: skip


@architecture_checks("sam", TINY)
def test_sam(check: Check) -> None:
    check()


@architecture_checks("sam_vision_model", PLAIN)
def test_sam_vision_model_without_positions(check: Check) -> None:
    check()
