"""Every plugin equals what the command ``reference`` records of transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

from automodel_core import registry
from automodel_core.testing import Subject, checks_of
from automodel_core.testing.reference import record
from automodel_core.testing.report import run
from automodel_core.testing.tiny import decoder_tasks, tiny
from support.parity import IS_5

COMPOSITES = {"encoder-decoder", "vision-encoder-decoder"}
"""Their configurations are two others, whose plugins are compared one by one and together."""
LAYERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
READS = {**LAYERS, "vocab_size": 99, "max_position_embeddings": 32, "eos_token_id": 4}
SEES = {**LAYERS, "image_size": 12, "patch_size": 4}
DETECTOR = {
    "use_timm_backbone": False,
    "backbone_config": {
        "model_type": "resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 8, 16, 16],
        "depths": [1, 1, 1, 1],
        "out_indices": [1, 2, 3, 4],
    },
    "num_queries": 5,
    "encoder_layers": 2,
    "encoder_ffn_dim": 24,
    "encoder_attention_heads": 8,
    "decoder_layers": 2,
    "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4,
    "d_model": 64,
}
SHUFFLED = "the reference shuffles patches"
DIFFERENT = {
    "superpoint": {
        f"equals_the_reference-{task}": "the reference keeps points near two borders"
        for task in ("base", "keypoint-detection")
    },
    "table-transformer": {
        f"equals_the_reference-{task}": "the reference takes decoder_inputs_embeds and ignores them"
        for task in ("base", "object-detection")
    },
    "vilt": {
        f"equals_the_reference-{task}": SHUFFLED
        for task in ("base", "masked-lm", "token-classification", "visual-question-answering")
    },
    "mt5": {
        "defaults_are_those_of_the_reference": "version 5 ties by default, version 4 and T5 1.1 not"
    },
    "prophetnet": {
        "equals_the_reference-causal-lm": "a whole pass of the reference is another than its steps"
    },
}
GIVEN = {
    "clip": {"text_config": READS, "vision_config": SEES, "projection_dim": 8},
    "siglip": {"text_config": READS, "vision_config": SEES},
    "detr": DETECTOR,
    "table-transformer": DETECTOR,
    "yolos": {**LAYERS, "image_size": [16, 24], "patch_size": 8, "num_detection_tokens": 5},
    "donut-swin": {
        "image_size": [24, 24],
        "patch_size": 4,
        "embed_dim": 8,
        "depths": [2, 1],
        "num_heads": [2, 4],
        "window_size": 3,
        "mlp_ratio": 2.0,
    },
    "dpt": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "image_size": 16,
        "patch_size": 4,
        "backbone_out_indices": [0, 1],
        "reassemble_factors": [2, 1],
        "neck_hidden_sizes": [8, 12],
        "fusion_hidden_size": 16,
    },
    "depth_anything": {
        "backbone_config": {
            "model_type": "dinov2",
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 16,
            "patch_size": 4,
            "out_indices": [1, 2],
            "reshape_hidden_states": False,
        },
        "patch_size": 4,
        "reassemble_hidden_size": 16,
        "reassemble_factors": [2, 1],
        "neck_hidden_sizes": [8, 12],
        "fusion_hidden_size": 16,
    },
}
"""Configurations that cannot be guessed."""
MODEL_TYPES = sorted(set(registry.model_types()) - COMPOSITES)

pytestmark = pytest.mark.skipif(not IS_5, reason="compared with one major version")


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_plugin_equals_its_reference(model_type: str, tmp_path: Path) -> None:
    values = GIVEN.get(model_type) or tiny(model_type)
    tasks = decoder_tasks(model_type) or {}
    folder = tmp_path / "reference"
    written = record(Subject(model_type, values, tasks), folder)
    assert written
    checks = checks_of(model_type, values, task_configs=tasks, reference=folder)
    compared = {check.subject.task for check in checks if "equals_the" in check.id}
    assert compared == set(written)
    only = tuple(check for check in checks if "reference" in check.id)
    report = run(only, {}, DIFFERENT.get(model_type))
    assert not report.failed, str(report)
