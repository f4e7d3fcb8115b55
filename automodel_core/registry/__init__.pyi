from automodel_core.registry.imports import resolve as resolve
from automodel_core.registry.installed.plugins import InstalledPlugins
from automodel_core.registry.installed.state import (
    PluginRecord as PluginRecord,
    PluginState as PluginState,
)
from automodel_core.registry.lookup.architectures import Architectures
from automodel_core.registry.lookup.named_parts import NamedParts
from automodel_core.registry.manifest import (
    COMPONENT_KINDS as COMPONENT_KINDS,
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
from automodel_core.registry.manifest_base import PLUGIN_API as PLUGIN_API

architectures: Architectures
parts: NamedParts
plugins: InstalledPlugins

def get(
    model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
) -> Architecture: ...
def model_types() -> tuple[str, ...]: ...
def refresh() -> None: ...
