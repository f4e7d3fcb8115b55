"""The modules of a model that an adapter changes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from automodel_core.checkpoint.names.module_paths import ModulePaths
from automodel_core.errors import InputError, MissingExtraError
from automodel_core.layers.kernels.linear import QuantisedLinear
from automodel_core.modeling.adapters.settings import settings_of_modules

if TYPE_CHECKING:
    from automodel_core.checkpoint.names.table import WeightNames

__all__ = [
    "Adaptable",
    "module_paths",
    "own_settings",
    "peft_package",
    "refuse_adapters",
    "without_adapter",
]

ALL_LINEAR = "all-linear"
WRAPPED = ("base_layer", "original_module")
"""Where the package keeps a module that it has put something around."""
USUAL_TARGETS = frozenset({"q_proj", "v_proj"})
"""What LoRA adapts where the package has no word about an architecture, and mostly where it has."""
CLASSIFIERS = frozenset({"classifier", "score"})


class Adaptable(nn.Module):
    """A model whose modules have names on the hub; other bases of its class define what is here."""

    config: Any
    name_or_path: str

    if TYPE_CHECKING:

        def own_names(self) -> WeightNames: ...

        def get_output_embeddings(self) -> nn.Module | None: ...

        def untie(self, names: Iterable[str]) -> None: ...


def peft_package() -> Any:
    """Return PEFT, or raise `MissingExtraError`."""
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError(
            "adapters need the PEFT package: pip install automodel-core[peft]"
        ) from error
    return peft


def module_paths(model: Adaptable) -> ModulePaths:
    """Return the paths of a model's modules with weights, as they are without adapters."""
    weights = {path: leaf for path, _, leaf in _walk(model) if leaf is not None}
    return ModulePaths(model.own_names(), weights)


def refuse_adapters(model: nn.Module, what: str) -> None:
    """Raise `InputError` if an adapter is on a model, whose weights are then spread over both."""
    if any(name in part._modules for part in model.modules() for name in WRAPPED):
        raise InputError(
            f"{what} is not possible while an adapter is on the model: merge it with "
            "automodel_core.integrations.peft.merge, or save it by itself with save_adapter"
        )


def without_adapter(module: nn.Module) -> nn.Module:
    """Return a module as it is without what the package has put around it."""
    while (name := next((n for n in WRAPPED if n in module._modules), None)) is not None:
        module = module.get_submodule(name)
    return module


def _walk(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module, str | None]]:
    """Yield each module without adapters, with its path before it and the name of a weight."""
    module = without_adapter(module)
    leaves = (name for name, each in module._parameters.items() if each is not None)
    yield path, module, next(leaves, None)
    for name, part in module._modules.items():
        if part is not None:
            yield from _walk(part, f"{path}.{name}" if path else name)


def own_settings(
    model: Adaptable, settings: Any, blocks: Mapping[str, Sequence[int]] | None = None
) -> Any:
    """Return a copy of an adapter's settings that names modules as this model does.

    Targets may have the hub's names or the model's. Without any they are the usual ones of the
    architecture; ``"all-linear"`` is all linear layers but the output layer, which may be tied to
    the embeddings. Raises `InputError` for targets that the model has not.
    """
    if settings.is_prompt_learning:
        return settings
    if any(isinstance(part, QuantisedLinear) for part in model.modules()):
        raise InputError(
            "weights in eight bits take no adapter: load the model without weights= and the like"
        )
    settings = copy.deepcopy(settings)
    fields = vars(settings)
    named = fields.get("target_modules")
    if isinstance(named, str) and named.lower() == ALL_LINEAR:
        fields["target_modules"] = {*_linear_layers(model, settings)}
    elif "target_modules" in fields and named is None and not fields.get("target_parameters"):
        fields |= _usual_targets(model, settings)
    every = [path for path, _, _ in _walk(model)]
    return settings_of_modules(settings, module_paths(model), every, blocks)


def _linear_layers(model: Adaptable, settings: Any) -> Iterator[str]:
    output = model.get_output_embeddings()
    output = None if output is None else without_adapter(output)
    left_out = CLASSIFIERS if output is None and settings.task_type == "SEQ_CLS" else ()
    for path, layer, _ in _walk(model):
        is_head = layer is output or path.rpartition(".")[2] in left_out
        if isinstance(layer, nn.Linear) and not is_head:
            yield path


def _usual_targets(model: Adaptable, settings: Any) -> dict[str, Any]:
    """Return the settings of what the package adapts in this architecture by default."""
    from peft import utils
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    model_type = model.config.model_type
    method: str = settings.peft_type.value
    if method == "IA3":
        tables = utils.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
    else:
        tuner = PEFT_TYPE_TO_TUNER_MAPPING[settings.peft_type]
        tables = getattr(tuner, "target_module_mapping", {})
    named = tables.get(model_type)
    if named is None and method == "LORA":
        named = USUAL_TARGETS
    if named is None:
        raise InputError(
            f"target_modules= is missing: there are no usual ones of {method} for {model_type}"
        )
    found: dict[str, Any] = {"target_modules": {*named}}
    if "feedforward_modules" in vars(settings) and settings.feedforward_modules is None:
        feed_forward = utils.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING
        found["feedforward_modules"] = {*feed_forward.get(model_type, ())}
    return found
