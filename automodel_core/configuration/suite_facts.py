"""What an architecture tells the conformance suite about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = ["SuiteFacts"]


class SuiteFacts:
    """Facts that tests of a plugin and ``automodel-core check`` read alike."""

    small_model: ClassVar[Mapping[str, Any]] = {}
    """Keys of a small model that ``automodel-core check`` cannot guess from names and defaults."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Ids of checks that fail for a reason, with the reason."""
