"""From a model to files that it, and the reference, can load again."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping

from torch import Tensor

from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.save import WeightsToSave
from automodel_core.modeling.pretrained.given_state import state_to_save
from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["save_pretrained"]

CONFIG_FILE = "config.json"
GENERATION_CONFIG_FILE = "generation_config.json"


def save_pretrained(
    model: WeightedModel,
    directory: str | os.PathLike[str],
    *,
    state_dict: Mapping[str, Tensor] | None,
    max_shard_size: int | str,
    safe_serialization: bool,
    variant: str | None,
) -> None:
    """Do what `PreTrainedModel.save_pretrained` says.

    Whatever cannot be written is found before the first file is; all files are exchanged at once.
    """
    refuse_quantised(model, "saving")
    state = model.state_dict() if state_dict is None else state_to_save(model, state_dict)
    names = model.weight_names(model.config)
    same = dict(names.aliases)
    # Readers tie by the configuration; without its word they need both.
    for target, source in model.ties_in_force().items():
        same[names.to_hub(target).name] = names.to_hub(source).name

    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]
    for each in (config, *config.all_parts()):
        each.dtype = model.dtype
    texts = {CONFIG_FILE: config.file_content()}
    if model.generation_config is not None:
        texts[GENERATION_CONFIG_FILE] = model.generation_config.file_content()
    weights = WeightsToSave(
        names.hub_state_dict(state),
        max_shard_size=max_shard_size,
        safe_serialization=safe_serialization,
        variant=variant,
        tied=same,
    )
    with exchange_files(directory) as exchange:
        for name, text in texts.items():
            exchange.write(name, text)
        weights.write(exchange)
