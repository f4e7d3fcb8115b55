"""The hub's names of VITS's weights: lengths and directions of weights have two spellings."""

from __future__ import annotations

from automodel_core.checkpoint import WeightNames

NORMED = tuple(
    f"{wavenet}.{conv}"
    for wavenet in ("flow.flows.*.wavenet", "posterior_encoder.wavenet")
    for conv in ("cond_layer", "in_layers.*", "res_skip_layers.*")
)
"""Convolutions whose weights are normed."""
VITS = WeightNames(
    foreign={  # read, and never shown: older versions of the reference know the short names only
        f"{conv}.parametrizations.weight.original{index}": f"{conv}.weight_{letter}"
        for conv in NORMED
        for index, letter in enumerate("gv")
    }
)
