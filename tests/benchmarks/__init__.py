"""Measurements against the peers, to be run by hand; ratios within a run are what counts.

CTranslate2 comes before torch. Behind it, it would take torch's OpenMP for its own, whose threads,
more than there are processors then, would sleep instead of waiting: both would run half as fast.
"""

import contextlib

with contextlib.suppress(ImportError):
    import ctranslate2  # noqa: F401
