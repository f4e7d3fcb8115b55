"""How checkpoints call the weights of convolutional positions."""

from __future__ import annotations

__all__ = ["POSITION_NAMES"]

POSITION_NAMES = {
    "conv.parametrizations.weight.original0": "conv.weight_g",
    "conv.parametrizations.weight.original1": "conv.weight_v",
}
"""The names that torch's newer weight norm has, and those of the hub for the same."""
