"""What automodel-blenderbot provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "seq2seq-lm": "ForConditionalGeneration",
    "causal-lm": "ForCausalLM",
}


def _member(model_type: str, family: str, module: str, tokens: str) -> Architecture:
    """Describe one of the two, which have the same tasks."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_blenderbot.configuration:{family}Config",
        models={task: f"automodel_blenderbot.{module}:{family}{h}" for task, h in _TASKS.items()},
        tokenizer=f"automodel_blenderbot.{tokens}:{family}Tokenizer",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        _member("blenderbot", "Blenderbot", "modeling", "tokenization"),
        _member("blenderbot-small", "BlenderbotSmall", "small", "small_tokenization"),
    ]
