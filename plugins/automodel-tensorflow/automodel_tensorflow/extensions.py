"""What automodel-tensorflow adds for everybody; importing it imports no torch."""

from __future__ import annotations

from automodel_core import CheckpointFormat, hookimpl

API = (1, 2)


@hookimpl
def automodel_checkpoint_formats() -> list[CheckpointFormat]:
    return [
        CheckpointFormat(
            name="tensorflow",
            reader="automodel_tensorflow.keras:open_h5",
            weight_file="tf_model.h5",
            index_file="tf_model.h5.index.json",
            priority=-10,
            safe=True,
            framework="tf",
            translation="automodel_tensorflow.names:translate_keras",
            plugin_api=API,
        ),
        CheckpointFormat(
            name="tensorflow-1",
            reader="automodel_tensorflow.bundle:open_bundle",
            weight_file="model.ckpt.index",
            pattern="*.ckpt*.index",
            beside=".data-?????-of-?????",
            priority=-30,
            safe=True,
            framework="tf",
            translation="automodel_tensorflow.names:translate_bundle",
            plugin_api=API,
        ),
    ]
