"""TrOCR's decoder against the reference."""

from __future__ import annotations

from typing import Any

import torch

from parity.trocr.cases import TROCR
from support.fairseq import FairseqParity
from support.family import ROWS, Case


class TestTrOCR(FairseqParity):
    family = TROCR
    # Written by 4.x beside sines, as a buffer that tells it their type.
    reference_only = ("embed_positions._float_tensor",)
    # The reference has no class for the decoder without its output layer.
    test_a_body_loads_into_a_head_and_back = None

    def revived(self, reference: Any) -> Any:
        """Give back the sines that 5.x leaves without memory when it loads a checkpoint."""
        positions = reference.model.decoder.embed_positions
        if not isinstance(positions, torch.nn.Embedding):
            positions.weights = positions.get_embedding(
                len(positions.weights), positions.embedding_dim, positions.padding_idx
            )
        return reference

    def arguments(
        self, case: Case, head: str, config: Any = None, rows: int = ROWS
    ) -> dict[str, Any]:
        given = super().arguments(case, head, config, rows)
        size = case.settings.get("cross_attention_hidden_size")
        if size is not None:
            chance = torch.Generator().manual_seed(6)
            given["encoder_hidden_states"] = torch.randn(rows, 7, size, generator=chance)
        return given
