"""What the descendants of Llama share: pre-norm decoders with rotary positions and shared heads.

A plugin states the keys of its configuration (`configuration`); `models` has the body, and `heads`
what stands on it.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
