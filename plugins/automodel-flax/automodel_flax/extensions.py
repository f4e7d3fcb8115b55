"""What automodel-flax adds for everybody; importing it imports no torch."""

from __future__ import annotations

from automodel_core import CheckpointFormat, hookimpl


@hookimpl
def automodel_checkpoint_formats() -> list[CheckpointFormat]:
    return [
        CheckpointFormat(
            name="flax",
            reader="automodel_flax.msgpack:open_msgpack",
            weight_file="flax_model.msgpack",
            index_file="flax_model.msgpack.index.json",
            priority=-20,
            safe=True,
            framework="flax",
            translation="automodel_flax.names:translate_flax",
            plugin_api=(1, 2),
        )
    ]
