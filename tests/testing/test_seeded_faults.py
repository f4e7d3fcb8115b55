"""The conformance suite finds each seeded fault, by the check that is made for it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from automodel_core.testing import Subject, register_small_parts
from automodel_core.testing.architectures.plugin_checks import PLUGIN_CHECKS
from automodel_core.testing.architectures.preprocessing_checks import TOKENIZER_CHECKS
from automodel_core.testing.check import Check, Rule
from automodel_core.testing.suite import TASK_CHECKS
from automodel_maskformer import MaskFormerConfig
from automodel_speech_encoder_decoder import SpeechEncoderDecoderConfig
from support.seeded_faults import FAULTS, Fault

DOCS = Path(__file__).parents[2] / "docs" / "conformance.md"
CLIP_TOWER = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
MIX_TRANSFORMER = {
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 8, 12, 16],
    "num_attention_heads": [1, 2, 3, 4],
    "sr_ratios": [4, 2, 2, 1],
    "mlp_ratios": [2, 2, 2, 2],
    "decoder_hidden_size": 8,
}
TINY: dict[str, dict[str, Any]] = {
    "bert": {
        "vocab_size": 99,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
    },
    "gpt2": {
        "vocab_size": 99,
        "n_positions": 32,
        "n_embd": 16,
        "n_layer": 2,
        "n_head": 4,
        "bos_token_id": 2,
        "eos_token_id": 2,
        "pad_token_id": 0,
    },
    "t5": {
        "vocab_size": 99,
        "d_model": 16,
        "d_kv": 4,
        "d_ff": 24,
        "num_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 12,
        "decoder_start_token_id": 0,
    },
    "clip": {
        "text_config": {
            **CLIP_TOWER,
            "vocab_size": 99,
            "max_position_embeddings": 32,
            "bos_token_id": 3,
            "eos_token_id": 4,
        },
        "vision_config": {**CLIP_TOWER, "image_size": 12, "patch_size": 4},
        "projection_dim": 8,
    },
    "owlvit": {
        "text_config": {
            **CLIP_TOWER,
            "vocab_size": 99,
            "max_position_embeddings": 32,
            "bos_token_id": 97,
            "eos_token_id": 98,
        },
        "vision_config": {**CLIP_TOWER, "image_size": 12, "patch_size": 4},
        "projection_dim": 16,
    },
    "segformer": MIX_TRANSFORMER,
    "glpn": MIX_TRANSFORMER,
    "superpoint": {
        "encoder_hidden_sizes": [6, 6, 8, 8],
        "decoder_hidden_size": 12,
        "descriptor_decoder_dim": 10,
    },
    "videomae": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "image_size": 8,
        "patch_size": 4,
        "num_frames": 4,
        "decoder_hidden_size": 12,
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 16,
    },
    "dinov2": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "mlp_ratio": 2,
        "image_size": 12,
        "patch_size": 4,
        "use_mask_token": False,
    },
    "dpt": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "image_size": [16, 32],
        "patch_size": 4,
        "backbone_out_indices": [0, 1],
        "reassemble_factors": [2, 0.5],
        "neck_hidden_sizes": [8, 12],
        "fusion_hidden_size": 20,
        "use_auxiliary_head": False,
    },
    "sam": {
        "vision_config": {
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 4,
            "window_size": 3,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
            "mlp_dim": 24,
            "initializer_range": 0.02,
        },
        "prompt_encoder_config": {"hidden_size": 16, "image_size": 32, "patch_size": 4},
        "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 24, "num_attention_heads": 2},
    },
    "vilt": {
        **CLIP_TOWER,
        "vocab_size": 99,
        "max_position_embeddings": 32,
        "image_size": 12,
        "patch_size": 4,
    },
    "wav2vec2": {
        **CLIP_TOWER,
        "vocab_size": 20,
        "conv_dim": [8, 8],
        "conv_stride": [10, 4],
        "conv_kernel": [12, 4],
        "conv_bias": True,
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "mask_time_prob": 0.0,
        "layerdrop": 0.0,
        "classifier_proj_size": 12,
        "tdnn_dim": [8, 12],
        "tdnn_kernel": [3, 1],
        "tdnn_dilation": [1, 1],
        "xvector_output_dim": 10,
    },
    "vit": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "image_size": 12,
        "patch_size": 4,
        "encoder_stride": 4,
    },
    "maskformer": {**MaskFormerConfig.small_model, "mask_feature_size": 24},
    "speech-encoder-decoder": SpeechEncoderDecoderConfig.small_model,
    "swin2sr": {
        "image_size": [8, 12],
        "embed_dim": 12,
        "depths": [1],
        "num_heads": [2],
        "window_size": 4,
    },
    "whisper": {
        "vocab_size": 99,
        "d_model": 16,
        "decoder_layers": 1,
        "decoder_ffn_dim": 20,
        "decoder_attention_heads": 2,
        "encoder_layers": 3,
        "encoder_ffn_dim": 24,
        "encoder_attention_heads": 4,
        "num_mel_bins": 6,
        "max_source_positions": 9,
        "max_target_positions": 64,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "decoder_start_token_id": 3,
        "begin_suppress_tokens": None,
        "tie_word_embeddings": False,
    },
}
register_small_parts()
RULES: dict[str, Rule] = {
    rule.function.__name__: rule for rule in (*PLUGIN_CHECKS, *TOKENIZER_CHECKS, *TASK_CHECKS)
}


def subject_of(fault: Fault) -> Subject:
    """Return the architecture, at the task that a check's id names."""
    values = dict(TINY[fault.model_type])
    task = fault.check.partition("-")[2]
    if (fault.model_type, task) == ("bert", "causal-lm"):
        values["is_decoder"] = True
    return Subject(fault.model_type, values, task=task)


def check_of(fault: Fault) -> Check:
    """Return the check of a fault, which must apply."""
    rule, subject = RULES[fault.check.partition("-")[0]], subject_of(fault)
    assert rule.lacking(subject) == "", f"{fault.check} does not apply"
    return Check(fault.check, rule.function, subject)


@functools.cache
def passes(model_type: str, check: str) -> bool:
    """Run a check without a fault, once."""
    check_of(Fault(model_type, check, lambda patch: None))()
    return True


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_seeded_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert passes(fault.model_type, fault.check)
    fault.patch(monkeypatch)
    check = check_of(fault)
    with pytest.raises(fault.error):
        check()


def test_there_are_many() -> None:
    assert len({fault.patch for fault in FAULTS}) >= 60
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


def test_the_documentation_lists_them() -> None:
    rows = [f"| {fault.name} | {fault.model_type} | `{fault.check}` |" for fault in FAULTS]
    written = DOCS.read_text("utf-8").splitlines()
    assert [line for line in written if line in rows] == rows
