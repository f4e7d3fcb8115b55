"""Attention that keeps apart what a token is and how far it is (https://arxiv.org/abs/2006.03654)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers
from automodel_deberta.configuration import DebertaConfig, DebertaFamilyConfig, DebertaV2Config
from automodel_deberta.distances import DistanceView
from automodel_deberta.position_scores import Tables, added_scores


class DisentangledAttention(nn.Module):
    """Scores of contents, and of contents with distances; versions differ in their projections."""

    tp_plan: ClassVar[Mapping[str, str]] = {}
    """How processes share out the layer: each has it whole."""
    talks: bool = False
    """Whether heads mix their scores, for which no fused kernel is used."""

    def __init__(self, config: DebertaFamilyConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_dim = config.head_dim
        self.scale = (self.head_dim * (1 + len(config.score_kinds))) ** -0.5
        self.dropout = config.attention_probs_dropout_prob
        self.position_dropout = nn.Dropout(config.hidden_dropout_prob)
        self.attend: layers.AttentionFunction = layers.sdpa_attention
        self.o_proj = layers.linear(self.num_heads * self.head_dim, config.hidden_size)
        self.position_layers: dict[str, str] = {}
        """The name of what projects embedded distances, by the kind of scores."""

    def new_state(self, cache: layers.Cache) -> layers.LayerState:
        return cache.new_attention()

    @abstractmethod
    def project(self, hidden_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values ``(batch, heads, length, head_dim)``."""

    def forward(
        self,
        hidden_states: Tensor,
        mask: layers.Mask = None,
        *,
        rotation: layers.Rotation | None = None,
        cache: Any = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; the mask is a `DistanceView`.

        Return the new states and, on request, the weights ``(batch, heads, queries, keys)``.
        """
        if not isinstance(mask, DistanceView):
            raise TypeError(f"this attention needs a DistanceView, not {type(mask).__name__}")
        query, key, value = self.project(hidden_states)
        if mask.seen is not None:
            query = query * mask.seen.to(query.device)
        tables = self._tables(mask)
        if output_attentions or self.talks:
            weights = self.weigh(query, key, tables, mask)
            attended = weights @ value
        else:
            added, dropout = added_scores(query, key, tables, mask), self._probability()
            weights = None
            attended = self.attend(
                query, key, value, added, is_causal=False, dropout=dropout, scale=self.scale
            )
        joined = layers.project(self.o_proj, attended.transpose(1, 2).flatten(2))
        return joined, weights if output_attentions else None

    def weigh(self, query: Tensor, key: Tensor, tables: Tables, view: DistanceView) -> Tensor:
        """Return the weights, some of them dropped."""
        added = added_scores(query, key, tables, view)
        weights = layers.attention_weights(query, key, added, is_causal=False, scale=self.scale)
        return F.dropout(weights, self._probability())

    def _probability(self) -> float:
        return self.dropout if self.training else 0.0

    def _heads(self, projected: Tensor) -> Tensor:
        split: Tensor = projected.unflatten(-1, (self.num_heads, self.head_dim))
        return split.transpose(-2, -3)

    def _tables(self, view: DistanceView) -> Tables:
        """Return the projected distances, of which those of evaluation are kept."""
        if view.embedded is None or not self.position_layers:
            return {}
        used = {kind: self.get_submodule(name) for kind, name in self.position_layers.items()}
        embedded = view.embedded.to(self.o_proj.weight.device)
        plain = all(layers.is_plain(layer) for layer in used.values())
        if view.version is None or self.training or not plain:
            return self._projected(self.position_dropout(embedded), used)
        weights = (weight for layer in used.values() for weight in layer.parameters())
        cast = torch.is_autocast_enabled("cpu")
        version = (view.version, cast, *map(layers.weight_version, weights))
        return layers.kept(self, version, partial(self._projected, embedded, used))

    def _projected(self, embedded: Tensor, used: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        return {
            kind: self._heads(layers.project(layer, embedded) * self.scale)
            for kind, layer in used.items()
        }


class DebertaAttention(DisentangledAttention):
    """The first version's: one joined projection, and biases of queries and values beside it.

    With ``talking_head`` heads mix their scores and their weights
    (https://arxiv.org/abs/2003.02436).
    """

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__(config)
        size, inner = config.hidden_size, self.num_heads * self.head_dim
        self.in_proj = layers.linear(size, 3 * inner, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(inner))
        self.v_bias = nn.Parameter(torch.zeros(inner))
        self.talks = config.talking_head
        if self.talks:
            self.head_logits_proj = layers.linear(self.num_heads, self.num_heads, bias=False)
            self.head_weights_proj = layers.linear(self.num_heads, self.num_heads, bias=False)
        if config.relative_attention and "c2p" in config.score_kinds:
            self.pos_proj = layers.linear(size, inner, bias=False)
            self.position_layers["c2p"] = "pos_proj"
        if config.relative_attention and "p2c" in config.score_kinds:
            self.pos_q_proj = layers.linear(size, inner)
            self.position_layers["p2c"] = "pos_q_proj"

    def project(self, hidden_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        joined = layers.project(self.in_proj, hidden_states)
        query, key, value = joined.unflatten(-1, (self.num_heads, 3, self.head_dim)).unbind(-2)
        # Autocast leaves biases as they are.
        query = query + self.q_bias.to(query.dtype).view(self.num_heads, self.head_dim)
        value = value + self.v_bias.to(value.dtype).view(self.num_heads, self.head_dim)
        return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)

    def weigh(self, query: Tensor, key: Tensor, tables: Tables, view: DistanceView) -> Tensor:
        if not self.talks:
            return super().weigh(query, key, tables, view)
        scores = query @ key.transpose(-1, -2) * self.scale
        added = added_scores(query, key, tables, replace(view, hidden=None))
        scores = mixed(self.head_logits_proj, scores if added is None else scores + added)
        if view.hidden is not None:
            scores = scores + view.hidden.to(scores.device)
        weights = F.dropout(scores.softmax(dim=-1), self._probability())
        return mixed(self.head_weights_proj, weights)


class DebertaV2Attention(DisentangledAttention):
    """The second version's: with ``share_att_key`` distances are projected as contents are."""

    def __init__(self, config: DebertaV2Config) -> None:
        super().__init__(config)
        size, inner = config.hidden_size, self.num_heads * self.head_dim
        self.q_proj = layers.linear(size, inner)
        self.k_proj = layers.linear(size, inner)
        self.v_proj = layers.linear(size, inner)
        if not config.relative_attention:
            return
        shared, kinds = config.share_att_key, config.score_kinds
        if "c2p" in kinds and not shared:
            self.pos_key_proj = layers.linear(size, inner)
        if "p2c" in kinds and not shared:
            self.pos_query_proj = layers.linear(size, inner)
        names = {"c2p": "k_proj", "p2c": "q_proj"}
        if not shared:
            names = {"c2p": "pos_key_proj", "p2c": "pos_query_proj"}
        self.position_layers.update({kind: names[kind] for kind in kinds})

    def project(self, hidden_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = (self.q_proj, self.k_proj, self.v_proj)
        query, key, value = (self._heads(layers.project(part, hidden_states)) for part in parts)
        return query, key, value


def mixed(layer: nn.Module, scores: Tensor) -> Tensor:
    """Return scores ``(batch, heads, queries, keys)`` mixed between the heads."""
    between: Tensor = layer(scores.permute(0, 2, 3, 1))
    return between.permute(0, 3, 1, 2)
