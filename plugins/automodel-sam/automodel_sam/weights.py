"""The hub's names of SAM's weights."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames

LAYER = "vision_encoder.layers.*"
BLOCK = "mask_decoder.transformer.layers.*"
ATTENTIONS = (
    f"{BLOCK}.self_attn",
    f"{BLOCK}.cross_attn_token_to_image",
    f"{BLOCK}.cross_attn_image_to_token",
    "mask_decoder.transformer.final_attn_token_to_image",
)


def fed_by(path: str) -> dict[str, str]:
    """Return the names of a feed-forward part."""
    return {f"{path}.mlp.lin1": f"{path}.mlp.up_proj", f"{path}.mlp.lin2": f"{path}.mlp.down_proj"}


@functools.cache
def image_names() -> WeightNames:
    """Return the names of the encoder of images, which are the same in the whole model."""
    return WeightNames(
        {f"{LAYER}.attn.proj": f"{LAYER}.attn.o_proj", **fed_by(LAYER)},
        fused={f"{LAYER}.attn.qkv": tuple(f"{LAYER}.attn.{x}_proj" for x in "qkv")},
    )


@functools.cache
def sam_names() -> WeightNames:
    """Return the names of the whole model.

    Files may hold the frequencies of positions once more, where the prompts are read.
    """
    outputs = {f"{path}.out_proj": f"{path}.o_proj" for path in ATTENTIONS}
    again = "prompt_encoder.shared_embedding"
    return image_names() | WeightNames(
        {**outputs, **fed_by(BLOCK)}, aliases={again: "shared_image_embedding"}
    )
