"""Open a checkpoint's weights: those that another library has quantised as plain ones, or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.formats.quantised import (
    block_size,
    forget_quantisation,
    stated_quantisation,
    stored_quantisation,
)
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.checkpoint.places.source import CheckpointFiles

__all__ = ["open_plain_weights"]


def open_plain_weights(
    files: CheckpointFiles,
    configs: Iterable[dict[str, Any]],
    *,
    dequantize: bool,
    **options: Any,
) -> LazyTensors:
    """Open the weights of a checkpoint; ``options`` are those of `open_weights`.

    ``configs`` are the values of its configuration and of the parts; where weights are dequantised,
    they say no longer that these are quantised. Raises `CheckpointFormatError` with what to do for
    quantised weights, before any is fetched if a file says so.
    """
    configs = list(configs)
    stated = stated_quantisation(configs, files)
    if stated is not None and not (dequantize and stated.can_be_dequantised):
        raise stated.refusal(files.name)
    weights = open_weights(files, **options)
    stored = stored_quantisation(weights)
    if stored is not None and not (dequantize and stored.can_be_dequantised):
        raise stored.refusal(files.name)
    if stored is None and stated is None:
        return weights

    from automodel_core.checkpoint.formats.float8 import DequantisedTensors

    plain = DequantisedTensors(weights, block_size(configs))
    forget_quantisation(configs)
    return plain
