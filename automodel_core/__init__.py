"""Hugging Face's Auto classes as a core and plugins: an install holds only what it uses.

Importing this package finds the installed plugins, by their metadata alone; its public names are
imported when they are first used (PEP 562). The Auto class of a task that a plugin adds can be
imported from here like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automodel_core import generation, registry
from automodel_core.exports import lazy_exports, stub_names
from automodel_core.registry.task_table import OTHER_BACKENDS, TASK_TABLE

if TYPE_CHECKING:
    # From the modules themselves: type checkers cannot read an __all__ that is computed.
    from automodel_core.auto.config import AutoConfig as AutoConfig
    from automodel_core.auto.models import *  # noqa: F403
    from automodel_core.auto.other_backends import *  # noqa: F403
    from automodel_core.auto.processors import (
        AutoFeatureExtractor as AutoFeatureExtractor,
        AutoImageProcessor as AutoImageProcessor,
        AutoProcessor as AutoProcessor,
    )
    from automodel_core.auto.tokenizer import AutoTokenizer as AutoTokenizer
    from automodel_core.generation import *  # noqa: F403
    from automodel_core.layers.caches.base import Cache as Cache
    from automodel_core.layers.caches.names import (
        DynamicCache as DynamicCache,
        EncoderDecoderCache as EncoderDecoderCache,
    )
    from automodel_core.layers.caches.offloaded import OffloadedCache as OffloadedCache
    from automodel_core.layers.caches.quantized import QuantizedCache as QuantizedCache
    from automodel_core.layers.caches.sliding_window import (
        SlidingWindowCache as SlidingWindowCache,
    )
    from automodel_core.layers.caches.static import StaticCache as StaticCache
    from automodel_core.modeling.watermark_detector import (
        BayesianDetectorConfig as BayesianDetectorConfig,
        BayesianDetectorModel as BayesianDetectorModel,
    )
    from automodel_core.registry.hookspecs import hookimpl as hookimpl
    from automodel_core.registry.manifest import (
        PLUGIN_API as PLUGIN_API,
        Architecture as Architecture,
        AttentionImplementation as AttentionImplementation,
        CheckpointFormat as CheckpointFormat,
        DecodingStrategy as DecodingStrategy,
        Head as Head,
        LoadContext as LoadContext,
        Quantizer as Quantizer,
        Source as Source,
        Task as Task,
    )

__version__ = "0.1.0"

_STRATEGIES = ("DecodingRequest", "DecodingSession", "DecodingStrategy")
"""Names of `automodel_core.generation` for those who write one; the last is a manifest's here."""

_AUTO_CLASSES = (
    "AutoConfig",
    "AutoFeatureExtractor",
    "AutoImageProcessor",
    "AutoProcessor",
    "AutoTokenizer",
    *(auto_class for _, auto_class, _ in TASK_TABLE),
    *OTHER_BACKENDS,
)

__all__, _attribute, __dir__ = lazy_exports(
    __name__,
    {
        "auto": _AUTO_CLASSES,
        "registry.hookspecs": ("hookimpl",),
        "registry.manifest": (
            "PLUGIN_API",
            "Architecture",
            "AttentionImplementation",
            "CheckpointFormat",
            "DecodingStrategy",
            "Head",
            "LoadContext",
            "Quantizer",
            "Source",
            "Task",
        ),
    },
)
__all__ += ["__version__"]

# Names of decoding, most of which need torch: a star import leaves them out.
_decoding_names, _decoding_attribute, _ = lazy_exports(
    __name__,
    {
        "generation": stub_names(generation.__name__).keys() - set(_STRATEGIES),
        "layers.caches.base": ("Cache",),
        "layers.caches.names": ("DynamicCache", "EncoderDecoderCache"),
        "layers.caches.offloaded": ("OffloadedCache",),
        "layers.caches.quantized": ("QuantizedCache",),
        "layers.caches.sliding_window": ("SlidingWindowCache",),
        "layers.caches.static": ("StaticCache",),
        "modeling.watermark_detector": ("BayesianDetectorConfig", "BayesianDetectorModel"),
    },
)


def __getattr__(name: str) -> Any:
    if name.startswith("Auto") and name not in __all__ and registry.parts.task_of_auto_class(name):
        from automodel_core import auto

        return getattr(auto, name)
    return _decoding_attribute(name) if name in _decoding_names else _attribute(name)
