"""The conformance suite: what every architecture must do, checked on a tiny model of yours.

A plugin's tests need one statement for each model type::

    from automodel_core.testing import architecture_checks


    @architecture_checks("nano", {"vocab_size": 99, "n_embd": 16, "n_layer": 2, "n_head": 4})
    def test_nano(check):
        check()

Each check becomes a test of its own. Without pytest, `check_architecture` runs them all and returns
a report. Which checks apply follows from what the model is (does it generate, does it take text),
never from its name.
"""

from __future__ import annotations

from automodel_core.testing.case import Subject, model_names
from automodel_core.testing.check import Check, CheckFailedError
from automodel_core.testing.small_models import (
    SmallImageConfig,
    SmallImageModel,
    SmallTextConfig,
    SmallTextForCausalLM,
    SmallTextModel,
    register_small_parts,
)
from automodel_core.testing.suite import (
    Report,
    architecture_checks,
    check_architecture,
    checks_of,
    minimum,
)

__all__ = [
    "Check",
    "CheckFailedError",
    "Report",
    "SmallImageConfig",
    "SmallImageModel",
    "SmallTextConfig",
    "SmallTextForCausalLM",
    "SmallTextModel",
    "Subject",
    "architecture_checks",
    "check_architecture",
    "checks_of",
    "minimum",
    "model_names",
    "register_small_parts",
]
