"""What the descendants of fairseq's transformer share, which differ in a few facts.

A plugin states the keys of its configuration (`configuration`), its embeddings and the order of its
norms; `models` has the bodies and heads, `stack` their encoder and decoder, `names` the hub's names
of their weights, `vocabulary` the order of their tokens.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
