"""SpeechT5 for automodel-core: speech to text, text to speech, and one voice to another."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
