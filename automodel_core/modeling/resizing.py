"""Vocabulary size: input and output embeddings, and what depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError

if TYPE_CHECKING:
    from automodel_core.modeling.base import PreTrainedModel

__all__ = ["resize_vocabulary"]


def resize_vocabulary(
    model: PreTrainedModel, size: int | None, multiple: int | None, mean_resizing: bool
) -> nn.Module:
    """Change the rows of both embeddings to ``size``, rounded up to a multiple.

    ``None`` keeps the size. Raises `InputError` for a size or multiple below one.
    """
    embeddings = model.get_input_embeddings()
    if not isinstance(embeddings, nn.Embedding):
        raise InputError(f"{type(model).__name__} has no token embeddings to resize")
    size = embeddings.num_embeddings if size is None else size
    if multiple is not None:
        if multiple < 1:
            raise InputError(f"pad_to_multiple_of={multiple}: expected a positive integer")
        size += -size % multiple
    if size < 1:
        raise InputError(f"new_num_tokens={size}: a vocabulary needs at least one token")
    if size == embeddings.num_embeddings:
        return embeddings

    output = model.get_output_embeddings()
    tied = isinstance(output, nn.Linear) and output.weight is embeddings.weight
    embeddings.weight = _resized(embeddings.weight, size, mean_resizing)
    embeddings.num_embeddings = size
    if isinstance(output, nn.Linear):
        output.weight = embeddings.weight if tied else _resized(output.weight, size, mean_resizing)
        if output.bias is not None:
            output.bias = _resized(output.bias, size, True)
        output.out_features = size
    model.config.vocab_size = size
    return embeddings


@torch.no_grad()
def _resized(old: Tensor, size: int, mean_resizing: bool) -> nn.Parameter:
    """Return the first ``size`` rows; new ones are the old's mean, or drawn with their spread."""
    new: Tensor = old.new_empty((size, *old.shape[1:]))
    kept = min(size, len(old))
    new[:kept] = old[:kept]
    if old.dim() == 1:
        new[kept:] = 0
    elif mean_resizing:
        new[kept:] = old.mean(dim=0)
    else:
        new[kept:].normal_(0.0, old.std().item())
    return nn.Parameter(new, requires_grad=old.requires_grad)
