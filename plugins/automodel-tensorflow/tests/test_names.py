"""Names and axes of TensorFlow become torch's."""

from __future__ import annotations

import pytest

from automodel_core.checkpoint import TensorInfo, Translation
from automodel_tensorflow import translate_bundle, translate_keras

KERAS = {
    "bert/encoder/layer_._0/attention/self/query/kernel:0": (
        (3, 4), "bert.encoder.layer.0.attention.self.query.weight", (1, 0)
    ),
    "bert/embeddings/LayerNorm/gamma:0": ((3,), "bert.embeddings.LayerNorm.weight", None),
    "bert/embeddings/word_embeddings/weight:0": (
        (9, 4), "bert.embeddings.word_embeddings.weight", None
    ),
    "mlm___cls/predictions/bias:0": ((9,), "cls.predictions.bias", None),
    "model.shared/model.shared/embeddings:0": ((9, 4), "model.shared.weight", None),
    "shared/embeddings:0": ((9, 4), "shared.weight", None),
    "final_logits_bias:0": ((1, 9), "final_logits_bias", None),
    "model/encoder/layers.0/fc1/kernel:0": ((3, 4), "model.encoder.layers.0.fc1.weight", (1, 0)),
    "vit/embeddings/patch_embeddings/projection/kernel:0": (
        (4, 4, 3, 8), "vit.embeddings.patch_embeddings.projection.weight", (3, 2, 0, 1)
    ),
    "a/conv/kernel:0": ((5, 2, 3), "a.conv.weight", (2, 1, 0)),
    "a/key_conv/depthwise_kernel:0": ((5, 8, 1), "a.key_conv.depthwise.weight", (2, 1, 0)),
    "a/norm/moving_variance:0": ((5,), "a.norm.running_var", None),
    "sam/prompt_encoder/point_embed_._0.weight:0": (
        (1, 8), "sam.prompt_encoder.point_embed.0.weight", None
    ),
}  # fmt: skip
BUNDLE = {
    "bert/encoder/layer_11/output/dense/kernel": (
        (3, 4), "bert.encoder.layer.11.output.dense.weight", (1, 0)
    ),
    "bert/embeddings/token_type_embeddings": (
        (2, 4), "bert.embeddings.token_type_embeddings.weight", None
    ),
    "cls/seq_relationship/output_weights": ((2, 4), "cls.seq_relationship.weight", None),
    "encoder/block_003/layer_001/layer_norm/scale": (
        (4,), "encoder.block.3.layer.1.layer_norm.weight", None
    ),
    "encoder/block_000/layer_000/SelfAttention/q": (
        (3, 4), "encoder.block.0.layer.0.SelfAttention.q.weight", (1, 0)
    ),
    "shared/embedding": ((9, 4), "shared.weight", None),
    "model/h0/ln_1/g": ((4,), "h.0.ln.1.weight", None),
    "model/wpe": ((9, 4), "wpe.weight", None),
    "tf_vit_model/vit/layernorm/gamma": ((4,), "vit.layernorm.weight", None),
    "vit/encoder/layer_._2/output/dense/kernel": (
        (3, 4), "vit.encoder.layer.2.output.dense.weight", (1, 0)
    ),
}  # fmt: skip


def info(shape: tuple[int, ...], dtype: str = "float32") -> TensorInfo:
    return TensorInfo(shape, dtype, 0, "")


@pytest.mark.parametrize("name", KERAS)
def test_a_variable_of_keras(name: str) -> None:
    shape, torch_name, axes = KERAS[name]
    assert translate_keras(name, info(shape)) == Translation(torch_name, axes)


@pytest.mark.parametrize("name", BUNDLE)
def test_a_variable_of_tensorflow_1(name: str) -> None:
    shape, torch_name, axes = BUNDLE[name]
    assert translate_bundle(name, info(shape)) == Translation(torch_name, axes)


def test_axes_of_one_are_left_out() -> None:
    found = translate_keras("transformer/h_._0/attn/c_attn/bias:0", info((1, 12)))
    assert found == Translation("transformer.h.0.attn.c_attn.bias", None, (12,))
    assert translate_keras("clip/logit_scale:0", info((1,))) == Translation(
        "clip.logit_scale", None, ()
    )
    found = translate_bundle("model/h0/attn/c_attn/w", info((1, 4, 12)))
    assert found == Translation("h.0.attn.c_attn.weight", None, (4, 12))


@pytest.mark.parametrize(
    "name",
    [
        "bert/encoder/layer_0/output/dense/kernel/adam_m",
        "global_step",
        "encoder/block_000/layer_000/layer_norm/scale_slot_v",
        "a/kernel/AdamWeightDecayOptimizer_1",
    ],
)
def test_what_an_optimizer_keeps_is_no_weight(name: str) -> None:
    assert translate_bundle(name, info((3, 4))) is None
    assert translate_bundle("bert/pooler/dense/bias", info((3,), "int64")) is None
