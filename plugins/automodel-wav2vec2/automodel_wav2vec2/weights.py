"""The hub's names of the weights of Wav2Vec2, HuBERT and WavLM, and the modules that hold them."""

from __future__ import annotations

from automodel_core.checkpoint import WeightNames
from automodel_core.families.wav2vec2 import POSITION_NAMES

BODY_NAMES = {
    "feature_extractor": "stem",
    "feature_projection": "projection",
    "encoder.pos_conv_embed": "positions",
    **{
        f"encoder.layers.*.{hub}": f"stack.layers.*.{module}"
        for hub, module in {
            "attention.q_proj": "self_attn.q_proj",
            "attention.k_proj": "self_attn.k_proj",
            "attention.v_proj": "self_attn.v_proj",
            "attention.out_proj": "self_attn.o_proj",
            "attention.gru_rel_pos_linear": "self_attn.gate",
            "attention.gru_rel_pos_const": "self_attn.gate_scale",
            "layer_norm": "self_attn_norm",
            "feed_forward.intermediate_dense": "mlp.up_proj",
            "feed_forward.output_dense": "mlp.down_proj",
            "final_layer_norm": "mlp_norm",
            "adapter_layer.norm": "adapter.norm",
            "adapter_layer.linear_1": "adapter.down_proj",
            "adapter_layer.linear_2": "adapter.up_proj",
        }.items()
    },
    "encoder.layers.0.attention.rel_attn_embed": "distances.bias",
}
NEWER_NAMES = {
    f"encoder.pos_conv_embed.{newer}": f"encoder.pos_conv_embed.{usual}"
    for newer, usual in POSITION_NAMES.items()
}


def speech_names(prefix: str, body: str, *, norm_first: bool) -> WeightNames:
    """Return the names of a body, or of a head whose body is at that path.

    The one norm of the encoder stands before the layers, or behind those that are ``norm_first``.
    """
    norm = {"encoder.layer_norm": "stack.norm" if norm_first else "norm"}
    names = WeightNames(
        BODY_NAMES | norm, foreign=NEWER_NAMES, segment_aliases={"gamma": "weight", "beta": "bias"}
    )
    return names.nested(hub=prefix, module=body) if body else names
