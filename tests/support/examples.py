"""How many examples a property is tried with: few by default, more for a search.

`AUTOMODEL_EXAMPLES=500 pytest ...` tries 500 random ones; by default they are the same each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["examples"]


def examples(count: int) -> settings:
    wanted = os.environ.get("AUTOMODEL_EXAMPLES")
    return settings(
        max_examples=count if wanted is None else int(wanted),
        derandomize=wanted is None,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
