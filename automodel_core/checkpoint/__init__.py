"""Checkpoints: where their files come from, what is in them, and how weights get in and out.

Nothing here runs code from a checkpoint. ``source``, ``json_files``, ``headers``, ``names`` and
``report`` work without torch, so configurations, tokenizers and plans do too.
"""

from __future__ import annotations

__all__: list[str] = []
