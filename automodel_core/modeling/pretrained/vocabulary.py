"""Vocabulary size: input and output embeddings, and what depends on them."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError, shown
from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["resize_tokens", "resize_vocabulary"]


def resize_vocabulary(
    model: WeightedModel, size: int | None, multiple: int | None, mean_resizing: bool
) -> nn.Module:
    """Change the rows of all embeddings to ``size``, rounded up to a multiple.

    ``None`` keeps the size. Raises `InputError` for a size or multiple below one.
    """
    embeddings = model.get_input_embeddings()
    if not isinstance(embeddings, nn.Embedding):
        raise InputError(f"{type(model).__name__} has no token embeddings to resize")
    size = embeddings.num_embeddings if size is None else size
    multiple = 1 if multiple is None else _integer("pad_to_multiple_of", multiple)
    if multiple < 1:
        raise InputError(f"pad_to_multiple_of={multiple}: expected a positive integer")
    size = _integer("new_num_tokens", size)
    size += -size % multiple
    if size < 1:
        raise InputError(f"new_num_tokens={size}: a vocabulary needs at least one token")
    if size == embeddings.num_embeddings:
        return embeddings

    resized = resize_tokens(model, model.input_embeddings, size, mean_resizing)
    model.config.vocab_size = size
    return resized


def _integer(name: str, value: object) -> int:
    if not isinstance(value, Integral):
        raise InputError(f"{name}={shown(value)}: expected an integer")
    return int(value)


def resize_tokens(
    model: WeightedModel, embeddings: str, size: int, mean_resizing: bool = True
) -> nn.Module:
    """Give the embeddings of that path, and all that may be tied to them, ``size`` rows.

    Buffers that go with the scores over the vocabulary are cut, or filled with zeros.
    """
    _resize_rows(model.token_layers(embeddings), size, mean_resizing)
    output = model.get_output_embeddings()
    if isinstance(output, nn.Linear):
        for name in model.score_buffers:
            old, scores = model.get_buffer(name), output.out_features
            new = F.pad(old[..., :scores], (0, max(0, scores - old.shape[-1])))
            setattr(model, name, new)
    return model.get_submodule(embeddings)


def _resize_rows(layers: Iterable[nn.Module], size: int, mean_resizing: bool) -> None:
    """Give layers with a row for each token ``size`` rows; tied ones stay tied."""
    resized: dict[Tensor, nn.Parameter] = {}
    for layer in (layers := list(layers)):
        refuse_quantised(layer, "a vocabulary of another size")
    for layer in layers:
        if not isinstance(layer, nn.Embedding | nn.Linear):
            continue
        if layer.weight not in resized:
            resized[layer.weight] = _resized(layer.weight, size, mean_resizing)
        layer.weight = resized[layer.weight]
        if isinstance(layer, nn.Embedding):
            layer.num_embeddings = size
            continue
        layer.out_features = size
        if layer.bias is not None:
            layer.bias = _resized(layer.bias, size, True)


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
