"""What automodel-nano adds for everybody: a task, a head for it, and an attention kernel."""

from __future__ import annotations

from automodel_core import AttentionImplementation, Head, Task, hookimpl


@hookimpl
def automodel_tasks() -> list[Task]:
    return [
        Task(
            name="text-likelihood",
            auto_class="AutoModelForTextLikelihood",
            description="How likely a text is.",
            plugin_api=(1, 0),
        )
    ]


@hookimpl
def automodel_heads() -> list[Head]:
    return [
        Head(
            model_type="nano",
            task="text-likelihood",
            model="automodel_nano.likelihood:NanoForTextLikelihood",
            plugin_api=(1, 0),
        )
    ]


@hookimpl
def automodel_attention() -> list[AttentionImplementation]:
    return [
        AttentionImplementation(
            name="double",
            function="automodel_nano.likelihood:attend_in_double_precision",
            plugin_api=(1, 0),
        )
    ]
