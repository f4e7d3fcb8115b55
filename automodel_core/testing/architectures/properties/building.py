"""Properties of what a model is made of, and what its configuration and its plugin have.

A check that needs a property which a model lacks is listed as not applicable, under its name.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from automodel_core import registry
from automodel_core.errors import AutomodelError
from automodel_core.layers.attention import Attention
from automodel_core.layers.mixer import MixerLayer
from automodel_core.layers.stack import LayerStack, TransformerStack
from automodel_core.modeling.bodies.backbone import BackboneMixin
from automodel_core.testing.architectures.properties.reading import names_vocabulary
from automodel_core.testing.case import Subject

__all__ = [
    "base_class",
    "dropout_fields",
    "empty_tokenizer",
    "gives_feature_maps",
    "has_a_body",
    "has_aliases",
    "has_attention",
    "has_attention_bricks",
    "has_dropout",
    "has_layers",
    "has_stacks",
    "has_text_encoder",
    "has_ties",
    "has_vocabulary_scores",
    "is_provided",
    "makes_a_tokenizer",
    "normalises_over_time",
    "ties_vocabulary",
    "vocabulary_layers",
]


def has_text_encoder(subject: Subject) -> bool:
    """Return whether a part of the model reads a text both ways."""
    config = subject.skeleton.config
    encodes = config.is_encoder_decoder or "masked-lm" in subject.architecture.models
    return subject.reads_text and encodes and not config.is_decoder


def has_attention(subject: Subject) -> bool:
    """Return whether positions meet by attention; bricks for layers without are no attention."""
    if subject.sees_images and not subject.parts(Attention):
        return not subject.parts(nn.Conv2d)
    return bool(subject.parts(Attention)) or not subject.parts(MixerLayer)


def has_attention_bricks(subject: Subject) -> bool:
    """Return whether attention is that of the core, which ``set_attn_implementation`` switches."""
    return bool(subject.parts(Attention))


def normalises_over_time(subject: Subject) -> bool:
    """Return whether a norm's numbers depend on the whole of a recording, its padding too."""
    return bool(subject.parts(nn.GroupNorm, nn.InstanceNorm1d, nn.BatchNorm1d))


def has_layers(subject: Subject) -> bool:
    """Return whether layers stand in a stack of the core, which may compute them again."""
    return bool(subject.parts(LayerStack))


def has_stacks(subject: Subject) -> bool:
    """Return whether the model runs its layers by the core's `TransformerStack`."""
    return bool(subject.parts(TransformerStack))


def base_class(subject: Subject) -> Any:
    """Return the class of the task "base", ``None`` if there is none."""
    reference = subject.architecture.models.get("base")
    return None if reference is None else registry.resolve(reference)


def has_a_body(subject: Subject) -> bool:
    """Return whether the model holds a body that loads by itself."""
    if not subject.model_class.body:
        return False
    return type(subject.skeleton.base_model) is base_class(subject)


def has_ties(subject: Subject) -> bool:
    """Return whether weights of the model are tied."""
    return bool(subject.skeleton.ties_in_force())


def vocabulary_layers(model: nn.Module, size: int) -> dict[str, nn.Linear]:
    """Return the linear layers with as many outputs as there are tokens, by name."""
    linear = ((name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear))
    return {name: layer for name, layer in linear if layer.out_features == size}


def has_vocabulary_scores(subject: Subject) -> bool:
    """Return whether a layer of the model scores every token of its vocabulary."""
    if not names_vocabulary(subject):
        return False
    return bool(vocabulary_layers(subject.skeleton, subject.skeleton.config.vocab_size))


def ties_vocabulary(subject: Subject) -> bool:
    """Return whether the configuration asks that the scores of tokens use the embeddings."""
    return has_vocabulary_scores(subject) and subject.skeleton.config.tie_word_embeddings


def gives_feature_maps(subject: Subject) -> bool:
    """Return whether the model is a backbone, and its configuration chooses among stages."""
    return issubclass(subject.model_class, BackboneMixin)


def dropout_fields(config: Any) -> list[str]:
    """Return the fields of a configuration that say how much is dropped inside the body."""
    heads = (
        *("classifier", "feat_quantizer", "final", "pooler", "qa", "semantic_classifier"),
        *("seq_classif", "summary"),
    )
    dropouts = [name for name in config if "dropout" in name or name.endswith("pdrop")]
    return [
        name
        for name in dropouts
        if isinstance(getattr(config, name), float) and not name.startswith(heads)
    ]


def has_dropout(subject: Subject) -> object:
    """Return whether the configuration says how much is dropped in training."""
    return dropout_fields(subject.config())


def has_aliases(subject: Subject) -> object:
    """Return whether fields of the configuration have other names."""
    return subject.config_class.aliases


def empty_tokenizer(subject: Subject) -> Any:
    """Return the architecture's tokenizer as it is without files."""
    kind: Any = registry.resolve(str(subject.architecture.component("tokenizer")))
    return kind()


def makes_a_tokenizer(subject: Subject) -> bool:
    """Return whether the architecture has a tokenizer that can be made, and trained, from nothing.

    Those that need files, such as SentencePiece models, are for tests of the plugin itself.
    """
    if subject.architecture.component("tokenizer") is None:
        return False
    try:
        empty_tokenizer(subject)
    except AutomodelError:
        return False
    return True


def is_provided(subject: Subject) -> str:
    """Return the distribution of the plugin, empty for one that this process registered."""
    found = (r.distribution for r in registry.plugins.records() if subject.model_type in r.names)
    return next(found, "")
