"""The conformance suite: what every architecture must do, checked on a tiny model of yours.

A plugin's tests need one statement for each model type::

    from automodel_core.testing import architecture_checks


    @architecture_checks("nano", {"vocab_size": 99, "n_embd": 16, "n_layer": 2, "n_head": 4})
    def test_nano(check):
        check()

Each check becomes a test of its own. What a distribution adds to others (heads, strategies,
formats, kernels, quantizers, sources) has ``@extension_checks("automodel-more")``. Without pytest,
`check_architecture` and `check_extension` run them all and return a report. Which checks apply
follows from what a model is (does it generate, does it take text), never from its name.
"""

from __future__ import annotations

from automodel_core.testing.architecture import model_names
from automodel_core.testing.case import Subject
from automodel_core.testing.check import Check, CheckFailedError
from automodel_core.testing.extensions.suite import (
    check_extension,
    checks_of_extension,
    extension_checks,
)
from automodel_core.testing.report import Report
from automodel_core.testing.small_models import (
    SmallImageConfig,
    SmallImageModel,
    SmallTextConfig,
    SmallTextForCausalLM,
    SmallTextModel,
    register_small_parts,
)
from automodel_core.testing.suite import (
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
    "check_extension",
    "checks_of",
    "checks_of_extension",
    "extension_checks",
    "minimum",
    "model_names",
    "register_small_parts",
]
