"""What transformers gives for a tiny model of an architecture, as files to compare with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_core.errors import InputError, MissingExtraError, shown

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ReferenceCase", "write_reference"]

SPREAD = 0.1
NEW_TOKENS = 6


@dataclass(frozen=True)
class ReferenceCase:
    """A model to run: the name of its class, keys of its configuration, inputs and labels."""

    class_name: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    labels: Mapping[str, Tensor]
    writes: bool = False


def write_reference(
    model_type: str, cases: Mapping[str, ReferenceCase], folder: Path
) -> dict[str, list[str]]:
    """Write weights, inputs and outputs of transformers' models, one folder for each task.

    Returns the names of the outputs by task; a class that transformers lacks is left out. Raises
    `MissingExtraError` where transformers is not installed, and `InputError` for a model type that
    it does not know or a folder that is there already.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            "a reference is written by transformers: pip install transformers"
        ) from error
    if model_type not in transformers.CONFIG_MAPPING:
        raise InputError(f"transformers {transformers.__version__} has no {shown(model_type)}")
    if folder.exists():
        raise InputError(f"{shown(str(folder))} is there already: name a new folder")
    tasks: dict[str, Any] = {}
    for task, case in cases.items():
        model_class = getattr(transformers, case.class_name, None)
        if model_class is not None:
            tasks[task] = _record(model_class, model_type, case, folder / task)
    facts = {
        "model_type": model_type,
        "implementation": f"transformers {transformers.__version__}",
        "defaults": json.loads(transformers.CONFIG_MAPPING[model_type]().to_json_string(False)),
        "tasks": tasks,
    }
    (folder / "reference.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    return {task: told["outputs"] for task, told in tasks.items()}


def _record(
    model_class: Any, model_type: str, case: ReferenceCase, folder: Path
) -> dict[str, list[str]]:
    """Write one model and what it gives, and return the names of its inputs and outputs."""
    import torch
    import transformers
    from safetensors.torch import save_file

    torch.manual_seed(0)
    config = transformers.CONFIG_MAPPING[model_type](**case.config)
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=SPREAD)
        given = dict(case.inputs)
        outputs = _tensors(model(**given, output_hidden_states=True))
        if case.labels:
            labelled = {k: v for k, v in given.items() if not k.startswith("decoder_")}
            outputs |= _loss(model, {**labelled, **case.labels})
        if case.writes:
            outputs["written"] = _written(model, given)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    tensors = {f"input.{name}": tensor for name, tensor in given.items()}
    tensors |= {f"label.{name}": tensor for name, tensor in case.labels.items()}
    tensors |= {f"output.{name}": tensor for name, tensor in outputs.items()}
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / "calls.safetensors")
    return {"inputs": list(given), "labels": list(case.labels), "outputs": list(outputs)}


def _loss(model: Any, labelled: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loss by its name: some models take labels, and make none of them."""
    try:
        loss = model(**labelled).get("loss")
    except NotImplementedError:
        return {}
    return {} if loss is None else {"loss": loss}


def _tensors(output: Any) -> dict[str, Any]:
    """Return the tensors of an output by name; those in tuples have their number behind it."""
    import torch

    found = {}
    for name, value in output.items():
        if isinstance(value, torch.Tensor):
            found[name] = value
        elif isinstance(value, tuple) and name.endswith(("hidden_states", "feature_maps")):
            numbered = enumerate(value)
            found |= {f"{name}.{i}": each for i, each in numbered if isinstance(each, torch.Tensor)}
    return found


def _written(model: Any, given: Mapping[str, Any]) -> Any:
    """Return what greedy search writes, computed without a cache, for the first row."""
    import torch

    first = {name: tensor[:1] for name, tensor in given.items()}
    if model.config.is_encoder_decoder:
        key = "decoder_input_ids"
        first.pop(key)
        written = torch.tensor([[model.config.decoder_start_token_id]])
    else:
        key = "input_ids"
        first, written = {}, first[key]
    for _ in range(NEW_TOKENS):
        scores = model(**first, **{key: written}, use_cache=False).logits[:, -1]
        written = torch.cat([written, scores.argmax(-1, keepdim=True)], dim=1)
    return written
