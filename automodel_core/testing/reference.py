"""Compare with another implementation: its weights, inputs and outputs, from a folder.

``reference.json`` names the tasks, and for each its inputs, labels and outputs; the folder of a
task holds a checkpoint and ``calls.safetensors`` with the tensors ``input.*``, ``label.*`` and
``output.*``. ``automodel-core reference`` writes such a folder from transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError, shown
from automodel_core.integrations.reference import ReferenceCase, write_reference
from automodel_core.testing.case import DECODES_ITS_INPUT, Subject
from automodel_core.testing.check import Rule, require

__all__ = ["DEFAULTS_CHECKS", "REFERENCE_CHECKS", "record", "reference_tasks"]

FACTS = "reference.json"
HIDDEN = 2
"""Positions of the last row that are padding."""
TOLERANCE = 1e-4


def record(
    subject: Subject, folder: Path, tasks: Iterable[str] | None = None
) -> dict[str, list[str]]:
    """Write what transformers gives for the tasks of an architecture; see `write_reference`."""
    names = subject.architecture.models if tasks is None else tuple(tasks)
    cases = {task: case_of(replace(subject, task=task)) for task in names}
    return write_reference(subject.model_type, cases, folder)


def case_of(subject: Subject) -> ReferenceCase:
    """Return the model of a task to run, and inputs with padding where the model may have it."""
    config = subject.config()
    inputs = dict(subject.example(config))
    mask = inputs.get("attention_mask")
    if subject.reads_text and mask is not None and mask.dim() == 2:
        mask, ids = mask.clone(), inputs["input_ids"].clone()
        mask[-1, -HIDDEN:] = 0
        ids[-1, -HIDDEN - 1] = ids[-1, -1]  # which may have to be the end of the text
        ids[-1, -HIDDEN:] = config.pad_token_id or 0
        inputs |= {"input_ids": ids, "attention_mask": mask}
    values = {**subject.values, **subject.task_values.get(subject.task, {})}
    writes = subject.generates and not subject.sees_images
    labels = {
        name: torch.as_tensor(value)
        for name, value in subject.labels(config).items()
        if isinstance(value, Tensor | bool)  # objects in images are lists of tables
    }
    if subject.task == "audio-frame-classification":  # other libraries take rows of ones alone
        labels["labels"] = F.one_hot(labels["labels"], config.num_labels)
    return ReferenceCase(subject.model_class.__name__, values, inputs, labels, writes)


def reference_tasks(folder: Path | None) -> Mapping[str, Mapping[str, list[str]]]:
    """Return what a folder holds for each task; raise `InputError` for one that is no reference."""
    if folder is None:
        return {}
    tasks: dict[str, dict[str, list[str]]] = facts_of(folder)["tasks"]
    return tasks


def facts_of(folder: Path) -> dict[str, Any]:
    """Return what ``reference.json`` says."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(str(folder))} holds no reference: {error}") from None
    if not isinstance(facts, dict) or not isinstance(facts.get("tasks"), dict):
        raise InputError(f"{shown(str(folder / FACTS))} names no tasks")
    return facts


def has_reference(subject: Subject) -> bool:
    """Return whether another implementation's numbers are given for the task."""
    return subject.task in reference_tasks(subject.reference)


def equals_the_reference(subject: Subject) -> None:
    """With its weights and inputs the model gives the outputs of another implementation."""
    from safetensors.torch import load_file

    folder = Path(str(subject.reference)) / subject.task
    told = reference_tasks(subject.reference)[subject.task]
    tensors = load_file(folder / "calls.safetensors")
    loaded: Any = subject.auto_class.from_pretrained(folder, output_loading_info=True)
    model, info = loaded
    require(not info["missing_keys"], f"the reference has no {info['missing_keys']}")
    given = {name: tensors[f"input.{name}"] for name in told["inputs"]}
    labels = {name: tensors[f"label.{name}"] for name in told["labels"]}
    with torch.no_grad():
        found = model(**given, output_hidden_states=True)
        for name in told["outputs"]:
            if name == "loss":
                decodes = subject.task not in DECODES_ITS_INPUT
                kept = {k: v for k, v in given.items() if not (decodes and k[:8] == "decoder_")}
                ours = model(**kept, **labels).loss
            elif name == "written":
                ours = written(model, given, tensors["output.written"])
            else:
                key, _, index = name.partition(".")
                require(key in found, f"there is no output {key}")
                ours = found[key][int(index)] if index else found[key]
            require_near(ours, tensors[f"output.{name}"], name, given)


def knows_defaults(subject: Subject) -> bool:
    """Return whether another implementation's defaults are given."""
    return subject.reference is not None and "defaults" in facts_of(subject.reference)


def defaults_are_those_of_the_reference(subject: Subject) -> None:
    """Without a key, a configuration has the value that another implementation gives it.

    Keys that say nothing by default, as their values follow from others, are left out, and so are
    parts, whose own types have defaults.
    """
    theirs = facts_of(Path(str(subject.reference)))["defaults"]
    fields = subject.config_class._fields().items()
    others = {
        name: (field.default, theirs[name])
        for name, field in fields
        if field.own
        and not isinstance(field.default, PreTrainedConfig)
        and None not in (field.default, theirs.get(name))
        and as_stored(field.default) != theirs[name]
    }
    told = ", ".join(f"{name}={ours!r}, not {other!r}" for name, (ours, other) in others.items())
    require(not others, f"defaults differ: {told}")


def as_stored(value: Any) -> Any:
    """Return a value as JSON stores it."""
    return list(value) if isinstance(value, tuple) else value


def written(model: Any, given: Mapping[str, Tensor], expected: Tensor) -> Tensor:
    """Return what ``generate`` writes for the first row, as long as the reference's text."""
    first = {name: tensor[:1] for name, tensor in given.items()}
    encodes = model.config.is_encoder_decoder
    if encodes:
        first.pop("decoder_input_ids")
    else:
        first = {"input_ids": first["input_ids"]}
        first["attention_mask"] = torch.ones_like(first["input_ids"])
    new = expected.shape[1] - (1 if encodes else first["input_ids"].shape[1])
    text: Tensor = model.generate(
        **first,
        max_new_tokens=new,
        min_new_tokens=0,
        do_sample=False,
        num_beams=1,
        eos_token_id=None,
        forced_bos_token_id=None,
        forced_eos_token_id=None,
        bad_words_ids=None,
        no_repeat_ngram_size=None,
        pad_token_id=0,
    )
    if text.shape[1] == new:  # some return no start token
        text = torch.cat([expected[:, :1], text], dim=1)
    return text


def require_near(ours: Tensor, theirs: Tensor, name: str, given: Mapping[str, Tensor]) -> None:
    """Raise unless two outputs agree where no mask hides the input."""
    require(
        ours.shape == theirs.shape,
        f"{name}: shape {tuple(ours.shape)} instead of {tuple(theirs.shape)}",
    )
    if not theirs.is_floating_point():
        require(torch.equal(ours, theirs), f"{name}: {ours.tolist()} instead of {theirs.tolist()}")
        return
    difference = (ours - theirs).abs()
    for mask in (given.get("attention_mask"), given.get("decoder_attention_mask")):
        if mask is not None and mask.shape == difference.shape[:2] and difference.dim() == 3:
            difference = difference * mask[..., None]
    allowed = TOLERANCE * max(1.0, theirs.abs().max().item())
    largest = difference.max().item()
    require(largest <= allowed, f"{name} differs from the reference by {largest:.3g}")


DEFAULTS_CHECKS = (Rule(defaults_are_those_of_the_reference, knows_defaults),)
REFERENCE_CHECKS = (Rule(equals_the_reference, has_reference),)
