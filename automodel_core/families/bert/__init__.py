"""What the descendants of BERT share: post-norm layers that read text in both directions.

A plugin states the keys of its configuration (`configuration`) and the hub's names of its weights
(`names`); `models` has the body, and `heads` what stands on it.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
