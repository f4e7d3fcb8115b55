"""What automodel-extras adds for everybody; importing it imports neither torch nor models."""

from __future__ import annotations

import logging

from automodel_core import (
    CheckpointFormat,
    DecodingStrategy,
    Head,
    LoadContext,
    Quantizer,
    Source,
    Task,
    hookimpl,
)

API = (1, 3)


@hookimpl
def automodel_tasks() -> list[Task]:
    return [
        Task(
            name="text-embedding",
            auto_class="automodel_extras.auto:AutoModelForTextEmbedding",
            description="A vector of length 1 for a text.",
            pipelines={"text-embedding": "automodel_extras.pipeline:TextEmbeddingPipeline"},
            plugin_api=API,
        )
    ]


@hookimpl
def automodel_heads() -> list[Head]:
    model = "automodel_extras.embedding:BertForTextEmbedding"
    return [Head(model_type="bert", task="text-embedding", model=model, plugin_api=API)]


@hookimpl
def automodel_decoding_strategies() -> list[DecodingStrategy]:
    return [
        DecodingStrategy(
            name="cautious",
            function="automodel_extras.cautious:cautious",
            settings=("least_probability",),
            needs=("greedy", "sample"),
            plugin_api=API,
        )
    ]


@hookimpl
def automodel_checkpoint_formats() -> list[CheckpointFormat]:
    return [
        CheckpointFormat(
            name="npz",
            reader="automodel_extras.npz:NpzTensors",
            writer="automodel_extras.npz:write_npz",
            weight_file="model.npz",
            safe=True,
            plugin_api=API,
        )
    ]


@hookimpl
def automodel_quantizers() -> list[Quantizer]:
    function = "automodel_extras.half:hold_linears_in_half"
    return [Quantizer(name="half", function=function, plugin_api=API)]


@hookimpl
def automodel_sources() -> list[Source]:
    return [Source(name="shelf", opener="automodel_extras.shelf:open_from_shelf", plugin_api=API)]


@hookimpl
def automodel_after_load(context: LoadContext, model: object) -> None:
    logging.getLogger(__name__).info("loaded %s of %s", type(model).__name__, context.name_or_path)
