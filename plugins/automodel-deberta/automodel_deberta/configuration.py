"""The configurations of DeBERTa: of the first version, and of the second and third."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.errors import ConfigurationError
from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability

KINDS = ("c2p", "p2c")


class DebertaFamilyConfig(BertFamilyConfig):
    """What both configurations have.

    ``pos_att_type`` has "c2p" where the content of a query meets the position of a key, and "p2c"
    where the position of a query meets the content of a key; it may be a text, "c2p|p2c".
    """

    expected_failures: ClassVar = {
        "loss_follows_problem_type-sequence-classification": (
            "labels without a problem_type are shares of classes, as in transformers"
        )
    }

    hidden_act: str = "gelu"
    type_vocab_size: NonNegativeInt = 0
    layer_norm_eps: NonNegativeFloat = 1e-7
    relative_attention: bool = False
    max_relative_positions: int = -1
    position_biased_input: bool = True
    pos_att_type: str | list[str] | None = None
    embedding_size: PositiveInt | None = None
    pooler_dropout: Probability = 0.0
    pooler_hidden_act: str = "gelu"
    pooler_hidden_size: PositiveInt | None = None
    cls_dropout: Probability | None = None
    legacy: bool = True

    @property
    def token_size(self) -> int:
        return self.embedding_size or self.hidden_size

    @property
    def position_limit(self) -> int | None:
        return self.max_position_embeddings if self.position_biased_input else None

    @property
    def head_dropout(self) -> float:
        return self.hidden_dropout_prob if self.cls_dropout is None else self.cls_dropout

    @property
    def head_dim(self) -> int:
        """How many features a head of attention has."""
        return self.hidden_size // self.num_attention_heads

    @property
    def distance_limit(self) -> int:
        """The first distance that is not told from shorter ones."""
        given = self.max_relative_positions
        return self.max_position_embeddings if given < 1 else given

    @property
    def distance_span(self) -> int:
        """How many embeddings there are for either direction."""
        return self.distance_limit

    @property
    def shares_distances(self) -> bool:
        """Whether far distances share embeddings."""
        return False

    @property
    def norms_distances(self) -> bool:
        """Whether the embeddings of distances are normalised."""
        return False

    @property
    def score_kinds(self) -> list[str]:
        """The kinds of scores beside that of content with content."""
        return list(self.pos_att_type or [])

    def validate(self) -> None:
        super().validate()
        if isinstance(self.pos_att_type, str):
            kinds = self.pos_att_type.lower().split("|")
            self.pos_att_type = [kind.strip() for kind in kinds if kind.strip()]
        if unknown := [kind for kind in self.pos_att_type or () if kind not in KINDS]:
            raise ConfigurationError(f"pos_att_type has {unknown}: expected {' or '.join(KINDS)}")
        # Other readers of a file take a number, or nothing.
        self.embedding_size = self.token_size
        self.pooler_hidden_size = self.pooler_hidden_size or self.hidden_size
        if self.pooler_hidden_size != self.hidden_size:
            raise ConfigurationError(
                f"pooler_hidden_size={self.pooler_hidden_size} must be hidden_size="
                f"{self.hidden_size}, as it is a state that is pooled"
            )
        if not self.legacy:
            self.tie_word_embeddings = True  # the head has no weights of its own


class DebertaConfig(DebertaFamilyConfig):
    """DeBERTa (https://arxiv.org/abs/2006.03654), each distance with its own embedding."""

    model_type = "deberta"

    vocab_size: PositiveInt = 50265
    talking_head: bool = False


class DebertaV2Config(DebertaFamilyConfig):
    """DeBERTa-v2 and v3 (https://arxiv.org/abs/2111.09543): far distances share embeddings.

    Defaults are those of the xlarge size of v2.
    """

    model_type = "deberta-v2"

    vocab_size: PositiveInt = 128100
    hidden_size: PositiveInt = 1536
    num_hidden_layers: PositiveInt = 24
    num_attention_heads: PositiveInt = 24
    intermediate_size: PositiveInt = 6144
    attention_head_size: PositiveInt | None = None
    position_buckets: int = -1
    norm_rel_ebd: str = "none"
    share_att_key: bool = False
    conv_kernel_size: NonNegativeInt = 0
    conv_groups: PositiveInt = 1
    conv_act: str = "tanh"

    @property
    def head_dim(self) -> int:
        return self.attention_head_size or super().head_dim

    @property
    def distance_span(self) -> int:
        return self.position_buckets if self.shares_distances else self.distance_limit

    @property
    def shares_distances(self) -> bool:
        return self.position_buckets > 0

    @property
    def norms_distances(self) -> bool:
        return "layer_norm" in [part.strip() for part in self.norm_rel_ebd.lower().split("|")]

    @property
    def score_kinds(self) -> list[str]:
        return [kind for kind in KINDS if kind in (self.pos_att_type or [])]

    def validate(self) -> None:
        super().validate()
        self.attention_head_size = self.head_dim
        if self.conv_kernel_size and self.conv_kernel_size % 2 == 0:
            raise ConfigurationError(
                f"conv_kernel_size={self.conv_kernel_size} must be odd, around a token"
            )
