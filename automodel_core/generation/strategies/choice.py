"""Which decoding strategy the settings ask for: looked up by name, so that plugins can add more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automodel_core import registry
from automodel_core.errors import AutomodelError, GenerationArgumentError, shown
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.generation.strategies.request import DecodingStrategy

__all__ = ["find_strategy"]

_SPECIAL = (
    ("force_words_ids", "constrained_beam"),
    ("constraints", "constrained_beam"),
    ("penalty_alpha", "contrastive"),
    ("dola_layers", "dola"),
    ("assistant_early_exit", "assisted"),
    ("prompt_lookup_num_tokens", "prompt_lookup"),
)
"""Settings that ask for a strategy when they are set, and which one."""

_BUILDS_ON = {
    "constrained_beam": ("beam",),
    "contrastive": ("greedy",),
    "dola": ("greedy", "sample"),
    "assisted": ("greedy", "sample"),
    "prompt_lookup": ("greedy", "sample"),
}
"""What a strategy may extend, out of those that num_beams, num_beam_groups and do_sample choose."""

_NEEDS = {
    "beam": "num_beams above 1, do_sample=False and no num_beam_groups",
    "greedy": "num_beams=1 and do_sample=False",
    "sample": "num_beams=1",
}


def find_strategy(
    config: GenerationConfig, name: str | None, assistant_model: Any
) -> tuple[str, DecodingStrategy]:
    """Return the strategy that the caller names or the settings ask for, from the registry.

    Raise `GenerationArgumentError` if the settings ask for two that exclude each other.
    """
    basic, chosen_by = _basic(config)
    cause = f"strategy={name!r}"
    if name is None:
        name, cause = _asked_for(config, assistant_model, basic) or (basic, chosen_by)
    needed = _BUILDS_ON.get(name, (basic,))
    if basic not in needed:
        raise GenerationArgumentError(
            f"{cause} asks for the decoding strategy {name!r}, which needs {_NEEDS[needed[-1]]}; "
            f"{chosen_by} asks for {basic!r}"
        )
    try:
        found: Callable[..., Any] = registry.parts.function(registry.DecodingStrategy, name)
    except AutomodelError as error:
        raise GenerationArgumentError(
            f"{cause} asks for the decoding strategy {name!r}, which is not available: {error}"
        ) from error
    return name, found


def _asked_for(
    config: GenerationConfig, assistant_model: Any, basic: str
) -> tuple[str, str] | None:
    """Return the name of a special strategy and the setting that asks for it, if one does."""
    asked = [
        (strategy, f"{setting}={shown(vars(config)[setting], 60)}")
        for setting, strategy in _SPECIAL
        if vars(config)[setting] and _has_effect(setting, config, basic)
    ]
    if assistant_model is not None:
        asked.insert(0, ("assisted", "assistant_model"))
    if config.use_mtp or config.speculation_type:
        setting = "use_mtp" if config.use_mtp else "speculation_type"
        raise GenerationArgumentError(
            f"{setting}={shown(vars(config)[setting])}: no model here drafts its own tokens in "
            "that way; give an assistant_model, or set prompt_lookup_num_tokens"
        )
    if not asked:
        return None
    strategy, cause = asked[0]
    for other, also in asked[1:]:
        if other != strategy:
            raise GenerationArgumentError(
                f"{cause} asks for the decoding strategy {strategy!r} and {also} for {other!r}: "
                "choose one of them"
            )
    return strategy, cause


def _has_effect(setting: str, config: GenerationConfig, basic: str) -> bool:
    """Return whether a setting counts; contrastive search is greedy, and chooses out of several."""
    if setting != "penalty_alpha":
        return True
    return basic == "greedy" and (config.top_k or 0) > 1


def _basic(config: GenerationConfig) -> tuple[str, str]:
    """Return what beams and sampling ask for, and by which setting."""
    sampling = bool(config.do_sample)
    if (config.num_beams or 1) == 1:
        return ("sample" if sampling else "greedy"), f"do_sample={sampling}"
    if (config.num_beam_groups or 1) > 1:
        return "group_beam", f"num_beam_groups={config.num_beam_groups}"
    return ("beam_sample" if sampling else "beam"), (
        f"num_beams={config.num_beams}" + (" with do_sample=True" if sampling else "")
    )
