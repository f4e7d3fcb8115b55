"""Checks of the plugin and its configuration; none of them needs a model."""

from __future__ import annotations

import copy
import json
import pickle  # noqa: TID251 - of its own making
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import torch

from automodel_core import AutoConfig, registry
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.registry.manifest import COMPONENT_KINDS
from automodel_core.testing.another_process import outputs_elsewhere
from automodel_core.testing.architectures.properties.building import (
    base_class,
    has_aliases,
    is_provided,
)
from automodel_core.testing.case import Subject, outputs
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["PLUGIN_CHECKS"]

_DISCOVERY = """
import json, sys
from automodel_core import registry
architecture = registry.get(sys.argv[1])
package = architecture.config.partition(":")[0].partition(".")[0]
__import__(package)
print(json.dumps({"torch": "torch" in sys.modules, "models": dict(architecture.models)}))
"""


def discovery_imports_no_torch(subject: Subject) -> None:
    """In a process of its own, the manifest is found and is the same, without torch."""
    command = [sys.executable, "-W", "error", "-c", _DISCOVERY, subject.model_type]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    require(ran.returncode == 0, f"a new process cannot import the plugin: {ran.stderr}")
    found = json.loads(ran.stdout)
    require(not found["torch"], "importing the plugin and its package imports torch")
    same = found["models"] == dict(subject.architecture.models)
    require(same, "a new process sees another manifest than this one")


def distribution_says_what_it_needs(subject: Subject) -> None:
    """The distribution requires the core, and has a summary and a licence."""
    provider = is_provided(subject)
    metadata = distribution(provider).metadata
    needs = [need for need in metadata.get_all("Requires-Dist") or () if "extra" not in need]
    require(
        any(need.startswith(("automodel-core", "automodel_core")) for need in needs),
        f"{provider} does not list automodel-core under dependencies",
    )
    require(metadata["Summary"], f"{provider} has no description")


def tasks_exist_and_classes_resolve(subject: Subject) -> None:
    """Each task is known, and each reference of the manifest leads to a fitting class."""
    architecture = subject.architecture
    require(architecture.models, "the manifest lists no models")
    config_class = registry.resolve(architecture.config)
    require(
        vars(config_class).get("model_type") == subject.model_type,
        f"{architecture.config} has another model_type",
    )
    for task, reference in architecture.models.items():
        require(task in registry.parts.every(registry.Task), f"there is no task {task!r}")
        model_class: Any = registry.resolve(reference)
        fits = isinstance(config_class, type) and issubclass(config_class, model_class.config_class)
        require(fits, f"{reference} takes {model_class.config_class}, not {architecture.config}")
    for kind in COMPONENT_KINDS:
        for component in architecture.components(kind):
            require(registry.resolve(component), f"no {kind}")


def config_keeps_unknown_keys(subject: Subject) -> None:
    """Writing and reading a configuration loses nothing, not even keys that nobody declared."""
    config = subject.config(key_of_tomorrow={"a": [1, None]})
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        written = json.loads(Path(folder, "config.json").read_text("utf-8"))
        again = AutoConfig.from_pretrained(folder)
    require(written.get("model_type") == subject.model_type, "config.json has no model_type")
    require(type(again) is type(config), f"AutoConfig makes a {type(again).__name__} of it")
    require(again.to_dict() == config.to_dict(), "reading a saved configuration gives another")
    require(again.key_of_tomorrow == {"a": [1, None]}, "an unknown key is lost")
    for key, value in subject.values.items():
        found = getattr(again, key)
        if isinstance(found, PreTrainedConfig):
            found = {inner: found.to_dict()[inner] for inner in value}
        require(found == value, f"{key} is lost")


def every_field_goes_through_a_file(subject: Subject) -> None:
    """Each declared field is as it was after saving and loading, also when it is no default."""
    with tempfile.TemporaryDirectory() as folder:
        for name, field in subject.config_class._fields().items():
            config = changed(subject, name, field.default)
            if config is None:
                continue
            config.save_pretrained(folder)
            again = AutoConfig.from_pretrained(folder)
            found, value = getattr(again, name), getattr(config, name)
            require(found == value, f"{name}={value!r} is {found!r} after saving and loading")


def changed(subject: Subject, name: str, default: Any) -> PreTrainedConfig | None:
    """Return a configuration in which one field has another value, ``None`` if nothing fits."""
    for value in other_values(default):
        try:
            config = subject.config(**{name: value})
        except (ConfigurationError, TypeError):
            continue
        if getattr(config, name) == value != default:
            return config
    return None


def other_values(default: Any) -> tuple[Any, ...]:
    """Return values to try in place of a field's default."""
    if isinstance(default, bool):
        return (not default,)
    if isinstance(default, int):
        return (default + 1, 2 * default, 1)
    if isinstance(default, float):
        return (default / 2, 0.25)
    if isinstance(default, str):
        return ("relu", "silu", f"{default}x")
    return (1, 0.25, True, "relu", [2, 2])


def sizes_are_those_of_the_configuration(subject: Subject) -> None:
    """What the configuration calls the sizes of a model, by field or alias, is what is built."""
    base = replace(subject, task="base")
    model: Any = base.model()
    config = model.config
    with torch.no_grad():
        output = model(**base.example(config), output_hidden_states=True, output_attentions=True)
    reads, embeds = base.reads_text, model.get_input_embeddings()
    vocabulary = {"vocab_size": {embeds.num_embeddings}} if reads else {}
    if base.compares:
        require_built(config.text_config, output.text_model_output, vocabulary)
        require_built(config.vision_config, output.vision_model_output, {})
    elif base.takes_prompts:
        seen = {name.removeprefix("vision_"): value for name, value in output.items()}
        require_built(config.vision_config, seen, {})
    else:
        require_built(config, output, vocabulary)


def require_built(config: Any, output: Any, built: dict[str, set[int]]) -> None:
    """Raise unless a configuration's sizes are those of states and attentions, or as ``built``."""
    shown = dict(output.items())
    states: Any = shown.get("encoder_hidden_states", shown.get("hidden_states"))
    weights = shown.get("encoder_attentions", shown.get("attentions"))
    # What leaves the last layer may be projected, and what enters it is narrower in hierarchies.
    built = {**built, "hidden_size": {state.shape[-1] for state in states[-2:]}}
    # Maps are what leaves each stage, each of another shape: what enters the first is the picture.
    are_maps = states[0].dim() == 4 and len({state.shape for state in states}) > 1
    built["num_hidden_layers"] = {len(states) if are_maps else len(states) - 1}
    if weights:
        built["num_attention_heads"] = {weights[-1].shape[1]}
    for name, sizes in built.items():
        try:
            said = getattr(config, name)
        except AttributeError:
            continue
        found = " or ".join(map(str, sizes))
        require(isinstance(said, list) or said in sizes, f"{name} is {said}, but {found} was built")


def config_aliases_are_readable(subject: Subject) -> None:
    """Each alias reads and sets the field that it names."""
    config = subject.config()
    for alias, name in type(config).aliases.items():
        require(getattr(config, alias) == getattr(config, name), f"{alias} is not {name}")


def numbers(subject: Subject) -> list[str]:
    """Return the keys of the tiny configuration that are whole numbers."""
    return [key for key, value in subject.values.items() if type(value) is int]


def config_refuses_wrong_types(subject: Subject) -> None:
    """A value of the wrong type is refused with the key in the message."""
    key = next(iter(numbers(subject)))
    try:
        subject.config(**{key: "many"})
    except ConfigurationError as error:
        named = key in str(error) or type(subject.config()).aliases.get(key, key) in str(error)
        require(named, f"the message does not name {key}: {error}")
    else:
        require(False, f"{key}='many' is accepted; annotate the field")


def config_copies_and_pickles(subject: Subject) -> None:
    """Copies and pickles of a configuration equal it."""
    config = subject.config()
    require(copy.deepcopy(config).to_dict() == config.to_dict(), "a copy differs")
    unpickled = pickle.loads(pickle.dumps(config))  # noqa: S301
    require(unpickled.to_dict() == config.to_dict(), "a pickle differs")


def another_process_computes_the_same(subject: Subject) -> None:
    """A process of its own, as one that is spawned, loads the model and gives the same outputs."""
    base = replace(subject, task="base")
    model = base.model()
    example = base.example(model.config)
    found = outputs_elsewhere(model, example)
    for name, value in outputs(model, example).items():
        require_close(found[name], value, f"{name} of another process")


PLUGIN_CHECKS = (
    Rule(discovery_imports_no_torch),
    Rule(distribution_says_what_it_needs, is_provided),
    Rule(tasks_exist_and_classes_resolve),
    Rule(config_keeps_unknown_keys),
    Rule(every_field_goes_through_a_file),
    Rule(sizes_are_those_of_the_configuration, base_class),
    Rule(another_process_computes_the_same, is_provided, base_class),
    Rule(config_aliases_are_readable, has_aliases),
    Rule(config_refuses_wrong_types, numbers),
    Rule(config_copies_and_pickles),
)
