"""Sounds to model inputs: files, rates, spectra, and the base of feature extractors.

Waveforms are torch tensors ``(..., samples)``; NumPy, torchaudio and librosa are not needed. Files
of other formats than WAV need the extra ``automodel-core[audio]``.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
