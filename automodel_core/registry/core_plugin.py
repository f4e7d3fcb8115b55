"""What the core itself provides, through the same hooks as any plugin."""

from __future__ import annotations

from automodel_core.registry.hookspecs import hookimpl
from automodel_core.registry.manifest import (
    AttentionImplementation,
    CheckpointFormat,
    DecodingStrategy,
    Quantizer,
    Source,
    Task,
)
from automodel_core.registry.task_table import PIPELINES, TASK_TABLE

__all__: list[str] = []

ATTENTION_FUNCTIONS = "automodel_core.layers.kernels.attention_functions"


@hookimpl
def automodel_tasks() -> list[Task]:
    return [
        Task(
            name=name,
            auto_class=auto_class,
            description=description,
            pipelines={
                pipeline: f"automodel_core.tasks:{place}"
                for pipeline, place, tasks in PIPELINES
                if name in tasks
            },
        )
        for name, auto_class, description in TASK_TABLE
    ]


@hookimpl
def automodel_attention() -> list[AttentionImplementation]:
    return [
        AttentionImplementation(name=name, function=f"{ATTENTION_FUNCTIONS}:{name}_attention")
        for name in ("sdpa", "eager")
    ]


REPLACES = {
    "constrained_beam": ("beam",),
    "contrastive": ("greedy",),
    "dola": ("greedy", "sample"),
    "assisted": ("greedy", "sample"),
    "prompt_lookup": ("greedy", "sample"),
}


@hookimpl
def automodel_quantizers() -> list[Quantizer]:
    module = "automodel_core.modeling.pretrained.quantise"
    return [
        Quantizer(name="int8", function=f"{module}:quantise_int8"),
        Quantizer(name="int8_dynamic", function=f"{module}:quantise_int8_dynamic"),
    ]


@hookimpl
def automodel_decoding_strategies() -> list[DecodingStrategy]:
    return [
        DecodingStrategy(
            name=name,
            function=f"automodel_core.generation.{function}",
            needs=REPLACES.get(name, ()),
        )
        for name, function in {
            "greedy": "strategies.sampling:sample",
            "sample": "strategies.sampling:sample",
            "beam": "strategies.beams.search:beam_search",
            "beam_sample": "strategies.beams.search:beam_search",
            "group_beam": "strategies.beams.diverse:diverse_beam_search",
            "contrastive": "strategies.contrastive:contrastive_search",
            "dola": "strategies.dola:dola_search",
            "assisted": "drafting.assisted:assisted_decoding",
            "prompt_lookup": "drafting.prompt_lookup:prompt_lookup",
            "constrained_beam": "strategies.beams.constrained:constrained_beam_search",
        }.items()
    ]


@hookimpl
def automodel_checkpoint_formats() -> list[CheckpointFormat]:
    return [
        CheckpointFormat(
            name="safetensors",
            reader="automodel_core.checkpoint.formats.safetensors:open_safetensors",
            writer="automodel_core.checkpoint.save:write_safetensors",
            weight_file="model.safetensors",
            index_file="model.safetensors.index.json",
            priority=100,
            safe=True,
        ),
        CheckpointFormat(
            name="pickle",
            reader="automodel_core.checkpoint.formats.pickled:open_pickled",
            writer="automodel_core.checkpoint.save:write_pickled",
            weight_file="pytorch_model.bin",
            index_file="pytorch_model.bin.index.json",
            priority=0,
            safe=False,
        ),
    ]


@hookimpl
def automodel_sources() -> list[Source]:
    places = "automodel_core.checkpoint.places"
    return [
        Source(name="folder", opener=f"{places}.folder:open_folder", priority=100),
        Source(name="hub", opener=f"{places}.hub.files:open_repository", priority=0),
    ]
