"""A head that scores whole texts, and an attention kernel that rounds less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from automodel_core.modeling import ModelOutput
from automodel_nano.modeling import NanoForCausalLM


@dataclass
class TextLikelihoodOutput(ModelOutput):
    """The logarithm of each text's likelihood, ``(batch,)``."""

    scores: Tensor | None = None


class NanoForTextLikelihood(NanoForCausalLM):
    """Tell how likely texts are."""

    def forward(self, input_ids: Tensor, **options: Any) -> TextLikelihoodOutput:
        """Score ``(batch, length)`` tokens; the first one is given."""
        logits = super().forward(input_ids, **options).logits[:, :-1]
        chosen = logits.log_softmax(-1).gather(-1, input_ids[:, 1:, None])
        return TextLikelihoodOutput(chosen.sum((1, 2)))


def attend_in_double_precision(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attend in double precision, whatever the model's."""
    attended = F.scaled_dot_product_attention(
        query.double(),
        key.double(),
        value.double(),
        None if mask is None else mask.double(),
        dropout,
        is_causal,
        scale=scale,
    )
    return attended.to(query.dtype)
