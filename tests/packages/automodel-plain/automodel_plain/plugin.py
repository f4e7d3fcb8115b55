"""What automodel-plain adds."""

from __future__ import annotations

from automodel_core import AttentionImplementation, hookimpl


@hookimpl
def automodel_attention() -> list[AttentionImplementation]:
    function = "automodel_plain.attention:plain_attention"
    return [AttentionImplementation(name="plain", function=function, plugin_api=(1, 1))]
