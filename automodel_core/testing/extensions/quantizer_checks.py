"""Checks of ways to hold weights in fewer bits."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

import torch
from torch import nn

from automodel_core.errors import InputError
from automodel_core.testing.check import Rule, require
from automodel_core.testing.extensions.part import PROMPT, Part

__all__ = ["QUANTIZER_CHECKS"]

NEAR = 0.1


def quantised(part: Part) -> Any:
    """Return the small model after the quantizer."""
    model = part.decoder()
    part.resolve("function")(model, {})
    return model


def size_of(model: nn.Module) -> int:
    """Return the bytes of a model's weights."""
    return sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))


def scores_stay_near(part: Part) -> None:
    """Scores change, by less than a tenth of their spread, and are finite."""
    before = part.scores(part.decoder())
    after = part.scores(quantised(part))
    require(after.isfinite().all(), "scores are not finite")
    require(not torch.equal(after, before), "nothing was quantised: the scores are the same")
    distance = ((after - before).norm() / before.norm()).item()
    require(distance < NEAR, f"scores move by {distance:.0%} of their size")


def it_grows_nothing(part: Part) -> None:
    """The weights need no more memory than before."""
    before, after = size_of(part.decoder()), size_of(quantised(part))
    require(after <= before, f"{before} bytes became {after}")


def a_quantised_model_writes(part: Part) -> None:
    """It decodes, with a cache as without."""
    model = quantised(part)
    options = {"max_new_tokens": 4, "eos_token_id": None, "pad_token_id": 0}
    cached, whole = (model.generate(PROMPT, **options, use_cache=use) for use in (True, False))
    require(torch.equal(cached, whole), "it writes something else with a cache")


def a_quantised_model_is_copied(part: Part) -> None:
    """A copy gives the same scores."""
    model = quantised(part)
    same = torch.equal(part.scores(copy.deepcopy(model)), part.scores(model))
    require(same, "a copy gives other scores")


def loading_quantises(part: Part) -> None:
    """``from_pretrained(weights=name)`` gives the same model."""
    model = part.decoder()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded: Any = type(model).from_pretrained(folder, weights=part.manifest.name)
        same = torch.equal(part.scores(loaded), part.scores(quantised(part)))
    require(same, f"weights={part.manifest.name!r} gives other scores than the function")


def unknown_settings_are_refused(part: Part) -> None:
    """A setting that means nothing is an `InputError`, and not passed over."""
    try:
        part.resolve("function")(part.decoder(), {"setting_of_nobody": 1})
    except InputError as error:
        require("setting_of_nobody" in str(error), f"the message does not name it: {error}")
    else:
        require(False, "setting_of_nobody=1 is accepted")


QUANTIZER_CHECKS = (
    Rule(scores_stay_near),
    Rule(it_grows_nothing),
    Rule(a_quantised_model_writes),
    Rule(a_quantised_model_is_copied),
    Rule(loading_quantises),
    Rule(unknown_settings_are_refused),
)
