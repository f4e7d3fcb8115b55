"""Properties of how a model writes texts.

A check that needs a property which a model lacks is listed as not applicable, under its name.
"""

from __future__ import annotations

from typing import Any

from automodel_core.generation.session.early_exit import decoder_stack
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.compiled import why_not_compiled
from automodel_core.testing.architectures.properties.building import normalises_over_time
from automodel_core.testing.architectures.properties.reading import reads_masked_text
from automodel_core.testing.case import Subject

__all__ = [
    "compiles",
    "continues_padded_text",
    "continues_text",
    "empty_cache",
    "encodes_masked_inputs",
    "generates",
    "keeps_keys",
    "lacks_something",
    "takes_back_tokens",
]


def generates(subject: Subject) -> bool:
    """Return whether the model writes text."""
    return subject.generates


def continues_text(subject: Subject) -> bool:
    """Return whether the model writes on after its own input."""
    return subject.reads_text and subject.generates_alone


def continues_padded_text(subject: Subject) -> bool:
    """Return whether padding before a text moves no position of it: any may be given, or none."""
    given = "position_ids" in subject.accepted or subject.config().position_limit is None
    return continues_text(subject) and given


def encodes_masked_inputs(subject: Subject) -> bool:
    """Return whether the model writes text after a text or a sound that an encoder reads masked."""
    if not subject.generates or subject.generates_alone:
        return False
    return reads_masked_text(subject) or hears_masked_samples(subject)


def hears_masked_samples(subject: Subject) -> bool:
    """Return whether a mask says which samples of a sound count, and no norm reaches across it."""
    given = subject.prompt(subject.config())
    mask, sound = given.get("attention_mask"), given.get("input_values")
    known = mask is not None and sound is not None and mask.shape == sound.shape
    return known and not normalises_over_time(subject)


def empty_cache(subject: Subject) -> Cache:
    """Return a cache with the state of each layer of the decoder, as far as it is one stack."""
    model: Any = subject.skeleton
    cache, found = Cache(), decoder_stack(model)
    if found is not None:
        found[1].open(cache)
    return cache


def keeps_keys(subject: Subject) -> bool:
    """Return whether the model writes text, and a layer keeps keys and values as far as known."""
    if not subject.generates:
        return False
    cache = empty_cache(subject)
    return len(cache) == 0 or cache.has_keys


def takes_back_tokens(subject: Subject) -> bool:
    """Return whether the model writes text, and no layer's state rules out taking tokens back."""
    return subject.generates and empty_cache(subject).is_croppable


def lacks_something(subject: Subject) -> bool:
    """Return whether the model writes text, with states that cannot do all that keys can."""
    return subject.generates and not (keeps_keys(subject) and takes_back_tokens(subject))


def compiles(subject: Subject) -> bool:
    """Return whether the model writes text, and a compiled step can keep its layers' states."""
    return subject.generates and why_not_compiled(empty_cache(subject)) is None
