"""Bricks of the models that fairseq begot: one transformer, told apart by its facts.

A plugin states the keys of its configuration (`configuration`) and how its encoder and decoder are
built (`stack`); `models` gives the bodies and heads around them, `names` what the hub calls their
weights.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
