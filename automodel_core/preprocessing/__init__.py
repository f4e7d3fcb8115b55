"""The base of everything that prepares inputs: settings, files and batches.

Importing it needs neither torch nor NumPy. Image processors and feature extractors derive from
`Preprocessor`; tokenizers share its batches and tensors.
"""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
