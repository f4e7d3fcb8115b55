"""What automodel-parts adds."""

from __future__ import annotations

from automodel_core import (
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    Head,
    Quantizer,
    Source,
    Task,
    hookimpl,
)


@hookimpl
def automodel_tasks() -> list[Task]:
    return [
        Task(
            name="sentence-embedding",
            auto_class="AutoModelForSentenceEmbedding",
            description="One vector for a text.",
            plugin_api=(1, 1),
        )
    ]


@hookimpl
def automodel_heads() -> list[Head]:
    model = "automodel_parts.embedding:BertForSentenceEmbedding"
    return [Head(model_type="bert", task="sentence-embedding", model=model, plugin_api=(1, 1))]


@hookimpl
def automodel_decoding_strategies() -> list[DecodingStrategy]:
    return [
        DecodingStrategy(
            name="cautious",
            function="automodel_parts.cautious:decode",
            settings=("margin",),
            needs="greedy",
            plugin_api=(1, 1),
        )
    ]


@hookimpl
def automodel_checkpoint_formats() -> list[CheckpointFormat]:
    return [
        CheckpointFormat(
            name="json-weights",
            reader="automodel_parts.json_weights:read",
            writer="automodel_parts.json_weights:write",
            weight_file="weights.json",
            priority=10,
            safe=True,
            plugin_api=(1, 1),
        )
    ]


@hookimpl
def automodel_attention() -> list[AttentionImplementation]:
    function = "automodel_parts.kernels:plain_attention"
    return [AttentionImplementation(name="plain", function=function, plugin_api=(1, 1))]


@hookimpl
def automodel_quantizers() -> list[Quantizer]:
    function = "automodel_parts.kernels:round_weights"
    return [Quantizer(name="rounded", function=function, plugin_api=(1, 1))]


@hookimpl
def automodel_sources() -> list[Source]:
    opener = "automodel_parts.shelf:open_shelf"
    return [Source(name="shelf", opener=opener, priority=60, plugin_api=(1, 1))]
