"""Attention scores of relative positions, which some models have in place of absolute ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from automodel_core.families.bert.configuration import BertFamilyConfig
from automodel_core.layers.kernels.linear import embedding

__all__ = ["RelativePositions"]


class RelativePositions(nn.Module):
    """Scores of an embedded distance with the query (https://arxiv.org/abs/1803.02155).

    With ``relative_key_query`` the key scores it too (https://arxiv.org/abs/2009.13658, method 4).
    """

    tp_plan: ClassVar[Mapping[str, str]] = {}
    """How processes share out the layer: each has it whole, as heads are scored one by one."""

    def __init__(self, config: BertFamilyConfig) -> None:
        super().__init__()
        head_dim = config.hidden_size // config.num_attention_heads
        self.embed_distances = embedding(2 * config.max_position_embeddings - 1, head_dim)
        self.scale = head_dim**-0.5
        self.with_key = config.position_embedding_type == "relative_key_query"

    def forward(self, query: Tensor, key: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return ``(batch, heads, queries, keys)``.

        Unless their ``positions`` are given, the queries are the last of the keys' positions.
        """
        places = torch.arange(key.shape[2], device=key.device)
        positions = places[-query.shape[2] :] if positions is None else positions
        # There may be room for more keys than positions, of which nothing is seen.
        zero = self.embed_distances.num_embeddings // 2
        distances = (positions[:, None] - places).clamp(min=-zero)
        embedded = self.embed_distances(distances + zero)
        scores: Tensor = torch.einsum("bhqd,qkd->bhqk", query, embedded)
        if self.with_key:
            scores = scores + torch.einsum("bhkd,qkd->bhqk", key, embedded)
        return scores.mul(self.scale)
