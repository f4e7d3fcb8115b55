"""From a model to files that it, and the reference, can load again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from automodel_core.checkpoint.save import save_weights
from automodel_core.configuration import PreTrainedConfig
from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["save_pretrained"]


def save_pretrained(
    model: WeightedModel,
    folder: Path,
    *,
    state_dict: Mapping[str, Tensor] | None,
    max_shard_size: int | str,
    safe_serialization: bool,
    variant: str | None,
) -> None:
    """Do what `PreTrainedModel.save_pretrained` says."""
    refuse_quantised(model, "saving")
    if folder.is_file():
        raise NotADirectoryError(f"{str(folder)!r} is a file; save_pretrained needs a folder")
    folder.mkdir(parents=True, exist_ok=True)
    state = dict(model.state_dict() if state_dict is None else state_dict)
    names = model.weight_names(model.config)
    same = dict(names.aliases)
    in_force = model.ties_in_force()
    for target, source in model.ties().items():
        if target in in_force:
            same[names.to_hub(target).name] = names.to_hub(source).name
        elif target in state:
            # Readers tie by the configuration; without its word they need both.
            state[target] = state[target].clone()

    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]
    parts = (part for part in vars(config).values() if isinstance(part, PreTrainedConfig))
    for each in (config, *parts):
        each.dtype = model.dtype
    save_weights(
        names.hub_state_dict(state),
        folder,
        max_shard_size=max_shard_size,
        safe_serialization=safe_serialization,
        variant=variant,
        tied=same,
    )
    config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)
