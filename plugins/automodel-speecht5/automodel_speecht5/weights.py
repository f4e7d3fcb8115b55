"""The hub's names of the weights of SpeechT5."""

from __future__ import annotations

from automodel_core.checkpoint import WeightNames
from automodel_core.families.wav2vec2 import POSITION_NAMES

PARTS = {
    "feed_forward.intermediate_dense": "mlp.up_proj",
    "feed_forward.output_dense": "mlp.down_proj",
    "final_layer_norm": "mlp_norm",
}
ENCODER = {
    "attention": "self_attn",
    "attention.out_proj": "self_attn.o_proj",
    "layer_norm": "self_attn_norm",
    **PARTS,
}
DECODER = {
    "self_attn.out_proj": "self_attn.o_proj",
    "self_attn_layer_norm": "self_attn_norm",
    "encoder_attn": "cross_attn",
    "encoder_attn.out_proj": "cross_attn.o_proj",
    "encoder_attn_layer_norm": "cross_attn_norm",
    **PARTS,
}
POSITIONS = "encoder.prenet.pos_conv_embed"
SPEECHT5 = WeightNames(
    {
        "encoder.wrapped_encoder.layer_norm": "encoder.norm",
        "encoder.wrapped_encoder.embed_positions": "encoder.embed_positions",
        **{
            f"{side}.wrapped_{side}.layers.*{hub and '.'}{hub}": (
                f"{side}.stack.layers.*{hub and '.'}{module}"
            )
            for side, names in (("encoder", ENCODER), ("decoder", DECODER))
            for hub, module in {"": "", **names}.items()
        },
    },
    foreign={
        f"{POSITIONS}.{newer}": f"{POSITIONS}.{older}" for newer, older in POSITION_NAMES.items()
    },
    ignored=[  # tables that can be computed
        *(f"{side}.prenet.encode_positions.pe" for side in ("encoder", "decoder")),
        "encoder.prenet.pos_sinusoidal_embed.weights",
        "decoder.prenet.embed_positions.weights",
    ],
)
"""The names of the body."""
HEADS = WeightNames(
    {"text_decoder_postnet.lm_head": "lm_head"},
    ignored=["speech_decoder_postnet.layers.*.batch_norm.num_batches_tracked"],
)
