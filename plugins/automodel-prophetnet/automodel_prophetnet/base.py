"""What all ProphetNet models share: their configuration, names of weights, and first values."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from automodel_core.checkpoint import WeightNames
from automodel_core.modeling import PreTrainedModel, init_normal
from automodel_prophetnet.configuration import ProphetNetConfig

ATTENTION = {"query": "q", "key": "k", "value": "v", "out": "o"}
STACK_NAMES = {
    "word_embeddings": "embed_tokens",
    "position_embeddings": "embed_positions",
    "ngram_embeddings": "embed_streams",
    "embeddings_layer_norm": "embed_norm",
    **{
        f"layers.*.{part}.{hub}_proj": f"stack.layers.*.{part}.{module}_proj"
        for part in ("self_attn", "cross_attn")
        for hub, module in ATTENTION.items()
    },
    "layers.*.self_attn.relative_pos_embeddings": "stack.layers.*.self_attn.position_scores",
    "layers.*.self_attn_layer_norm": "stack.layers.*.self_attn_norm",
    "layers.*.cross_attn_layer_norm": "stack.layers.*.cross_attn_norm",
    "layers.*.feed_forward.intermediate": "stack.layers.*.mlp.up_proj",
    "layers.*.feed_forward.output": "stack.layers.*.mlp.down_proj",
    "layers.*.feed_forward_layer_norm": "stack.layers.*.mlp_norm",
}
SIDES = ("encoder", "decoder")


class ProphetNetPreTrainedModel(PreTrainedModel):
    """A whole model, or one of its two stacks, which ``stack_side`` names."""

    config_class = ProphetNetConfig
    config: ProphetNetConfig
    base_model_prefix = "prophetnet"
    ties_follow_checkpoint: ClassVar[bool] = True
    sides: ClassVar[tuple[str, ...]] = SIDES
    """The stacks of a whole model."""
    stack_side: ClassVar[str] = ""

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        if cls.stack_side:
            # A stack alone reads its part of a whole model's checkpoint too.
            (other,) = {*SIDES} - {cls.stack_side}
            tops = {name.partition(".")[0] for name in STACK_NAMES}
            whole = {f"{cls.stack_side}.{top}": top for top in tops}
            return WeightNames(STACK_NAMES, foreign=whole, ignored=(other, "lm_head"))
        names = WeightNames({"word_embeddings": "embed_tokens"})
        for side in cls.sides:
            names |= WeightNames(STACK_NAMES).nested(hub=side, module=side)
        names |= WeightNames(ignored=[side for side in SIDES if side not in cls.sides])
        return names.nested(hub="prophetnet", module=cls.body) if cls.body else names

    def init_module(self, module: nn.Module) -> None:
        init_normal(module, self.config.init_std)
