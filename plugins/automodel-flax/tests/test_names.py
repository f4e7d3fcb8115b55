"""Paths of Flax's parameters become torch's names."""

from __future__ import annotations

import pytest

from automodel_core.checkpoint import TensorInfo, Translation
from automodel_flax import translate_flax

NAMES = {
    "bert/encoder/layer/0/output/dense/kernel": (
        (3, 4), "bert.encoder.layer.0.output.dense.weight", (1, 0)
    ),
    "bert.embeddings.LayerNorm.scale": ((4,), "bert.embeddings.LayerNorm.weight", None),
    "bert/embeddings/word_embeddings/embedding": (
        (9, 4), "bert.embeddings.word_embeddings.weight", None
    ),
    "params/embedder/convolution/kernel": (
        (3, 3, 4, 8), "embedder.convolution.weight", (3, 2, 0, 1)
    ),
    "batch_stats/embedder/normalization/mean": (
        (8,), "embedder.normalization.running_mean", None
    ),
    "params/encoder/layers/0/layer/layer_1/convolution/kernel": (
        (3, 3, 4, 8), "encoder.layers.0.layer.1.convolution.weight", (3, 2, 0, 1)
    ),
    "a/layer_1/bias": ((8,), "a.layer_1.bias", None),
    "a/mean": ((8,), "a.mean", None),
    "logit_scale": ((), "logit_scale", None),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter(name: str) -> None:
    shape, torch_name, axes = NAMES[name]
    assert translate_flax(name, TensorInfo(shape, "float32", 0, "")) == Translation(
        torch_name, axes
    )
