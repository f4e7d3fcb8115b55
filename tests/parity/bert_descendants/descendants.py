"""Three descendants of BERT in as few lines as their family leaves: what each has of its own.

They are wiring to test the family with, without tokenizers and the heads that others show.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.layers import (
    RelativePositionBias,
    padding_mask,
)
from automodel_core.modeling import HeadTransform, Pooler, TextInputs

__all__ = [
    "DistilBertForMaskedLM",
    "DistilBertForSequenceClassification",
    "ElectraForMaskedLM",
    "ElectraForSequenceClassification",
    "MPNetForMaskedLM",
    "MPNetForSequenceClassification",
]


# ---- embeddings smaller than states, which a linear layer widens ----


class ElectraConfig(family.BertFamilyConfig):
    model_type = "electra"
    embedding_size: int = 128

    @property
    def token_size(self) -> int:
        return self.embedding_size


class Electra(family.BertFamilyPreTrainedModel):
    config_class = ElectraConfig
    base_model_prefix = "electra"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        rules = {**family.EMBEDDING_NAMES, **family.LAYER_NAMES, "embeddings_project": "embed_proj"}
        names = family.body_names(rules)
        if not cls.body:
            return names
        return names.nested(hub="electra", module=cls.body) | WeightNames(
            {
                "generator_predictions.dense": "lm_transform.dense",
                "generator_predictions.LayerNorm": "lm_transform.norm",
                "generator_lm_head": "lm_head",
            }
        )

    @classmethod
    def make_transform(cls, config: Any) -> HeadTransform:
        return HeadTransform(
            config.hidden_size, "gelu", config.layer_norm_eps, config.embedding_size
        )


class ElectraModel(Electra, family.BertFamilyModel):
    def __init__(self, config: Any, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=False)


class ElectraForMaskedLM(Electra, family.BertFamilyForMaskedLM):
    model_class = ElectraModel


class ElectraForSequenceClassification(Electra, family.FirstTokenForSequenceClassification):
    model_class = ElectraModel
    activation = "gelu"


# ---- keys of its own, no token types, a pooler in the head ----


class DistilBertConfig(PreTrainedConfig):
    model_type = "distilbert"
    aliases: ClassVar = {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "token_size": "dim",
        "head_dropout": "dropout",
    }
    layer_norm_eps: ClassVar[float] = 1e-12
    position_embedding_type: ClassVar[str] = "absolute"

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    n_layers: int = 6
    n_heads: int = 12
    dim: int = 768
    hidden_dim: int = 4 * 768
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: str = "gelu"
    initializer_range: float = 0.02
    seq_classif_dropout: float = 0.2
    pad_token_id: int | None = 0


class DistilBert(family.BertFamilyPreTrainedModel):
    config_class = DistilBertConfig
    base_model_prefix = "distilbert"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        layer, ours = "transformer.layer.*", "stack.layers.*"
        rules = {
            **{f"{layer}.attention.{x}_lin": f"{ours}.self_attn.{x}_proj" for x in "qkv"},
            f"{layer}.attention.out_lin": f"{ours}.self_attn.o_proj",
            f"{layer}.sa_layer_norm": f"{ours}.self_attn_norm",
            f"{layer}.ffn.lin1": f"{ours}.mlp.up_proj",
            f"{layer}.ffn.lin2": f"{ours}.mlp.down_proj",
            f"{layer}.output_layer_norm": f"{ours}.mlp_norm",
        }
        names = family.body_names({**family.EMBEDDING_NAMES, **rules})
        if not cls.body:
            return names
        return names.nested(hub="distilbert", module=cls.body) | WeightNames(
            {
                "vocab_transform": "lm_transform.dense",
                "vocab_layer_norm": "lm_transform.norm",
                "vocab_projector": "lm_head",
                "pre_classifier": "pooler.dense",
            }
        )


class DistilBertModel(DistilBert, family.BertFamilyModel):
    has_token_types = False

    def __init__(self, config: Any, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=False)


class DistilBertForMaskedLM(DistilBert, family.BertFamilyForMaskedLM):
    model_class = DistilBertModel


class DistilBertForSequenceClassification(
    DistilBert, family.HeadWithPooler, family.BertFamilyForSequenceClassification
):
    model_class = DistilBertModel

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.pooler = Pooler(config.dim, activation="relu")
        self.dropout = nn.Dropout(config.seq_classif_dropout)
        self.post_init()


# ---- distances that all layers share, positions behind the padding's ----


class MPNetConfig(family.BertFamilyConfig):
    model_type = "mpnet"
    relative_attention_num_buckets: int = 32
    pad_token_id: int = 1

    @property
    def position_limit(self) -> int:
        return self.max_position_embeddings - self.pad_token_id - 1


class MPNet(family.BertFamilyPreTrainedModel):
    config_class = MPNetConfig
    base_model_prefix = "mpnet"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        layer, ours = "encoder.layer.*", "stack.layers.*"
        rules = {
            **family.EMBEDDING_NAMES,
            **family.LAYER_NAMES,
            **{f"{layer}.attention.attn.{x}": f"{ours}.self_attn.{x}_proj" for x in "qkvo"},
            f"{layer}.attention.LayerNorm": f"{ours}.self_attn_norm",
            "encoder.relative_attention_bias": "distances.bias",
        }
        taken = (".self.", "attention.output.")
        names = family.body_names(
            {hub: name for hub, name in rules.items() if not any(part in hub for part in taken)}
        )
        if not cls.body:
            return names
        return names.nested(hub="mpnet", module=cls.body) | family.vocabulary_names(
            "lm_head", "dense", "layer_norm", is_tied=config.tie_word_embeddings
        )


class MPNetModel(MPNet, family.PositionsBehindPadding):
    has_token_types = False

    def __init__(self, config: Any, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        buckets, heads = config.relative_attention_num_buckets, config.num_attention_heads
        self.distances = RelativePositionBias(heads, buckets, 128, bidirectional=True)
        self.post_init()

    def mask(self, inputs: TextInputs, states: Tensor) -> Tensor:
        distances = self.distances.at(inputs.span, None)
        hidden = padding_mask(inputs.attention_mask, states.dtype)
        return distances if hidden is None else hidden + distances


class MPNetForMaskedLM(MPNet, family.BertFamilyForMaskedLM):
    model_class = MPNetModel


class MPNetForSequenceClassification(MPNet, family.FirstTokenForSequenceClassification):
    model_class = MPNetModel
